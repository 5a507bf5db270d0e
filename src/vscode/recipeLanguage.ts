import { parseTree } from "jsonc-parser";
import * as vscode from "vscode";
import type { RecipeFinding, RecipeFix } from "../core/api/engine";
import { rangeOf, recipeSelector, type RecipeDocuments } from "./recipeDocuments";
import type { RecipeModel, RecipeModels } from "./recipeModels";
import { completionsAt, type RecipeCompletion } from "./recipes/completion";
import { type Draft, readDraft } from "./recipes/draft";
import { textEdits } from "./recipes/edits";
import { hoverAt } from "./recipes/hover";

interface Sources {
  readonly models: RecipeModels;
  readonly documents: RecipeDocuments;
}

/** Hovers, completion and quick fixes in recipes. What they say is decided in recipes/; here it is handed to VS Code. */
export function recipeLanguage({ models, documents }: Sources): vscode.Disposable {
  const known = async (document: vscode.TextDocument, draft: Draft) => {
    const model = await models.modelOf(document.uri, draft);
    return { model, knowledge: model && (await models.knowledge(model, draft)) };
  };
  const hovers: vscode.HoverProvider = {
    async provideHover(document, position) {
      const draft = readDraft(document.getText());
      const { model, knowledge } = await known(document, draft);
      const context = {
        draft,
        knowledge,
        check: documents.checkOf(document),
        modelName: model?.name,
        measure: model && draft.target && measureLink(model, draft.target),
      };
      const found = hoverAt(context, document.offsetAt(position));
      if (!found) return undefined;
      return new vscode.Hover(markdown(found.paragraphs.join("\n\n")), rangeAt(document, found));
    },
  };
  const completions: vscode.CompletionItemProvider = {
    async provideCompletionItems(document, position) {
      const text = document.getText();
      const draft = readDraft(text);
      const { knowledge } = await known(document, draft);
      const found = completionsAt(text, document.offsetAt(position), { draft, knowledge });
      return found?.items.map((item) => completionItem(item, rangeAt(document, found)));
    },
  };
  const fixes: vscode.CodeActionProvider = {
    provideCodeActions(document, _range, { diagnostics }) {
      const check = documents.checkOf(document);
      const tree = check && parseTree(document.getText());
      const findings = (check?.findings ?? []).filter((f) => f.fixes?.length);
      return diagnostics.flatMap((diagnostic) => {
        const finding = findings.find(
          (f) => isAbout(diagnostic, f) && diagnostic.range.isEqual(rangeOf(document, tree, f.path)),
        );
        return (finding?.fixes ?? []).flatMap((fix, i) => quickFix(document, diagnostic, fix, i === 0) ?? []);
      });
    },
  };
  return vscode.Disposable.from(
    vscode.languages.registerHoverProvider(recipeSelector, hovers),
    vscode.languages.registerCompletionItemProvider(recipeSelector, completions, '"', ":", " "),
    vscode.languages.registerCodeActionsProvider(recipeSelector, fixes, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
  );
}

const measureCommand = "bitlens.planBudget";

function measureLink({ uri }: RecipeModel, target: string): string {
  return `[Measure](command:${measureCommand}?${encodeURIComponent(JSON.stringify([uri.fsPath, { target }]))})`;
}

function markdown(text: string): vscode.MarkdownString {
  const result = new vscode.MarkdownString(text);
  result.isTrusted = { enabledCommands: [measureCommand] };
  return result;
}

function rangeAt(
  document: vscode.TextDocument,
  { offset, length }: { readonly offset: number; readonly length: number },
): vscode.Range {
  return new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
}

const kinds: Readonly<Record<RecipeCompletion["kind"], vscode.CompletionItemKind>> = {
  pattern: vscode.CompletionItemKind.Folder,
  tensor: vscode.CompletionItemKind.Field,
  encoding: vscode.CompletionItemKind.EnumMember,
  method: vscode.CompletionItemKind.Method,
  value: vscode.CompletionItemKind.Value,
  rule: vscode.CompletionItemKind.Snippet,
};

function completionItem(item: RecipeCompletion, range: vscode.Range): vscode.CompletionItem {
  const result = new vscode.CompletionItem(item.label, kinds[item.kind]);
  result.insertText = item.snippet ? new vscode.SnippetString(item.insert) : item.insert;
  // What is replaced begins with a quotation mark, and is compared with this.
  result.filterText = item.snippet ? item.label : item.insert;
  result.range = range;
  result.sortText = item.sort;
  result.detail = item.detail;
  if (item.documentation) result.documentation = new vscode.MarkdownString(item.documentation);
  return result;
}

const codeOf = ({ code }: vscode.Diagnostic) => (typeof code === "object" ? code.value : code);
const isAbout = (diagnostic: vscode.Diagnostic, { code, message }: RecipeFinding) =>
  codeOf(diagnostic) === code && diagnostic.message.startsWith(message);

function quickFix(
  document: vscode.TextDocument,
  diagnostic: vscode.Diagnostic,
  { title, edits }: RecipeFix,
  preferred: boolean,
): vscode.CodeAction | undefined {
  const changes = textEdits(document.getText(), edits);
  if (!changes) return undefined;
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.diagnostics = [diagnostic];
  action.isPreferred = preferred;
  action.edit = new vscode.WorkspaceEdit();
  for (const change of changes) action.edit.replace(document.uri, rangeAt(document, change), change.content);
  return action;
}
