// The script of every page. The host gives it a document with a strict content security policy, `media/panel.css`, this
// script, and nothing else; the document says which page it is.
import { modelPage } from "./modelPage";
import { registerControls } from "./ui";

registerControls();
modelPage(document.getElementById("app") ?? document.body);
