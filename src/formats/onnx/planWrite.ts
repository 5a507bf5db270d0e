import { EngineError } from "../../core/errors";
import type { ExportFormName } from "../../core/model";
import type { Assignment, WritePlan, WriteRequest } from "../format";
import { quote } from "../text";
import { type Constant, functionOf, isMicrosoft, type Value } from "./network";
import type { FunctionProto } from "./proto";
import { amend } from "./amend";
import { blockOpset, channelOpset, type OpsetChange, opsetChange } from "./opsets";
import { formFor } from "./recipeEncoding";
import type { OnnxModel, Replaced, Weight } from "./model";
import { formsOf, readModel, replaceable, weightsOf } from "./read";
import { Output } from "./output";
import { outputFile } from "./segments";
import { parseBlocks, toBlocks, toTable } from "./toBlocks";
import { toBlockQdq, toHalf, toQdq } from "./toQdq";

/** Oldest IR version whose graphs may hold initializers that are not inputs. */
const initializersApart = 4;
/** The IR versions that came with the operator sets. */
const irOf = { [channelOpset]: 7, [blockOpset]: 10 } as const;

/** Operators of com.microsoft. */
const isOperatorOfRuntime = (form: ExportFormName) => form === "MatMulNBits" || form === "GatherBlockQuantized";

interface Chosen {
  readonly weight: Weight;
  readonly encoding: string;
  readonly form: ExportFormName;
}

/** Lays out the model with the assigned weights quantized, everything else as it is. */
export async function planWrite(request: WriteRequest): Promise<WritePlan> {
  const { folder, index, outputName } = request;
  const source = await folder.open(index.files[0]);
  try {
    const model = await readModel(folder, index.files[0], source);
    const weights = chosen(model, request.assignments, index.path);
    const output = new Output(model, { outputName, facts: request.facts, replaced: weights.map((w) => w.weight.located) });
    const unused = unusedThen(weights);
    output.moveExternalData([...weights.map((w) => w.weight.located.constant), ...unused]);
    const change = neededChange(model, weights);
    const notes = change ? [noteOf(change)] : [];
    const again = weights.filter((w) => w.weight.replaced).length;
    if (again) notes.push(`${again === 1 ? "1 tensor is quantized already and loses" : `${again} tensors are quantized already and lose`} again; a 16-bit source gives a better result.`);
    const functions = new Set<FunctionProto>();
    for (const { weight, encoding, form } of weights) {
      const fn = functionOf(weight.located.constant.value.scope);
      if (fn && isOperatorOfRuntime(form)) functions.add(fn);
      if (form === "QDQ") toQdq(output, weight, encoding, change?.kind === "impossible" && !fn);
      else if (form === "BlockQDQ") toBlockQdq(output, weight, encoding);
      else if (form === "F16") toHalf(output, weight, encoding);
      else if (form === "GatherBlockQuantized") toTable(output, weight, encoding);
      else toBlocks(output, weight, encoding);
      if (weight.replaced) takeOut(output, weight.replaced);
    }
    for (const constant of unused) output.remove(constant);
    for (const fn of functions) if (!fn.opsetImport.some((o) => isMicrosoft(o.domain))) output.importInto(fn, "com.microsoft", 1);
    if (change?.kind === "raise") {
      for (const amendment of change.amendments) amend(output, amendment);
      output.setDefaultOpset(change.to);
    }
    const forms = new Set(weights.map((w) => w.form));
    const needsMicrosoft = change?.kind === "impossible" || [...forms].some(isOperatorOfRuntime);
    if (needsMicrosoft && !model.proto.opsetImport.some((o) => isMicrosoft(o.domain))) output.importOpset("com.microsoft", 1);
    // A model of version 21 may still say that its IR is older, and then hold no 4-bit types.
    const raised = change?.kind === "raise" ? irOf[change.to] : initializersApart;
    if (weights.length) output.raiseIrVersion(forms.has("BlockQDQ") ? irOf[blockOpset] : raised);
    const { main, data } = output.finish();
    const context = { source, names: model.files.names };
    const files = [await outputFile(outputName, main, context)];
    if (data.byteLength > 0) {
      files.push(await outputFile(data.name, data.pieces, context));
      notes.push(`Weights are written to ${quote(data.name)}, which belongs beside the model.`);
    }
    return { files, notes };
  } finally {
    await source.close();
  }
}

/** Scales and zero points that only operators use which go. */
function unusedThen(weights: readonly Chosen[]): Constant[] {
  const replaced = weights.flatMap(({ weight }) => (weight.replaced ? [weight.replaced] : []));
  const nodes = new Set(replaced.flatMap((r) => r.nodes));
  const parameters = new Set(replaced.flatMap((r) => r.parameters));
  const isUnused = (p: Value) => !p.isOutput && !p.isAmbiguous && p.uses.every((u) => nodes.has(u.node));
  return [...parameters].flatMap((p) => (p.constant && isUnused(p) ? [p.constant] : []));
}

/** The DequantizeLinear behind codes that have gone. Operators that took the codes have been written anew. */
function takeOut(output: Output, { nodes, codes }: Replaced): void {
  for (const { proto } of nodes) if (proto.opType === "DequantizeLinear") output.replace(proto.span, []);
  output.removeInput(codes.scope, codes.name);
}

/** What has to happen to the operator set; undefined where it may stay. Per block it was found possible while choosing. */
function neededChange(model: OnnxModel, all: readonly Chosen[]): Exclude<OpsetChange, { kind: "as is" }> | undefined {
  let change: OpsetChange = { kind: "as is" };
  // Functions have versions of their own.
  const weights = all.filter((w) => !functionOf(w.weight.located.constant.value.scope));
  if (weights.some((w) => w.form === "BlockQDQ")) change = model.blockOpset;
  else if (weights.some((w) => w.form === "QDQ")) change = opsetChange(model.proto, model.network, channelOpset);
  return change.kind === "as is" ? undefined : change;
}

function noteOf(change: Exclude<OpsetChange, { kind: "as is" }>): string {
  if (change.kind === "impossible") {
    return (
      "The weights go through ONNX Runtime's own DequantizeLinear (com.microsoft): " +
      `the operator set cannot be raised to ${channelOpset}, because ${change.why}.`
    );
  }
  const needs = change.to === blockOpset ? "per block" : "per channel";
  const rest = change.amendments.length
    ? `${change.amendments.length === 1 ? "one operator is" : `${change.amendments.length} operators are`} written as that version has it.`
    : "no operator of the model changes its meaning.";
  return `The version of the ONNX operator set is raised to ${change.to}, which DequantizeLinear ${needs} needs; ${rest}`;
}

/** The assigned weights as the file has them now; what can no longer be done is an error. */
function chosen(model: OnnxModel, assignments: readonly Assignment[], path: string): Chosen[] {
  const byName = new Map(weightsOf(model).map((w) => [w.located.constant.name, w]));
  return assignments.map(({ tensor, encoding }) => {
    const listed = byName.get(tensor);
    const place = { file: path, tensor };
    if (!listed) throw new EngineError("bad-request", "The model has no such tensor.", place);
    const weight = replaceable(model, listed);
    const forms = formsOf(model, listed) ?? {};
    const name = formFor(encoding, forms);
    if (!name) throw new EngineError("bad-request", `An ONNX model cannot hold ${encoding}.`, place);
    const form = forms[name];
    if (!form || "kept" in form) {
      const why = form?.kept ?? "no operator takes it as a weight that can be stored so";
      throw new EngineError("bad-request", `The tensor cannot be stored as ${encoding}: ${why}.`, place);
    }
    const scales = parseBlocks(encoding)?.scaleType ?? form.scaleType;
    if (scales !== form.scaleType) {
      const message = `The tensor cannot be stored as ${encoding}: its operators compute in ${form.scaleType}, which the scales must be.`;
      throw new EngineError("bad-request", message, place);
    }
    return { weight, encoding, form: name };
  });
}
