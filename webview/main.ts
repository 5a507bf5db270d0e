// The script of every page. The host gives it a document with a strict content security policy, `media/panel.css`, this
// script, and nothing else; the document says which page it is.
import { comparePage } from "./compare/comparePage";
import { modelPage } from "./modelPage";
import { registerControls } from "./ui";

registerControls();
const root = document.getElementById("app") ?? document.body;
if (root.dataset.page === "compare") comparePage(root);
else modelPage(root);
