import { EngineError } from "../../core/errors";
import type { Assignment, WritePlan, WriteRequest } from "../format";
import { quote } from "../text";
import { exportForms } from "./forms";
import { isMicrosoft } from "./network";
import { qdqOpset, qdqOpsetOf } from "./opsets";
import { type OnnxModel, readModel, type Weight, weightsOf } from "./read";
import { Output } from "./output";
import { outputFile } from "./segments";
import { toBlocks } from "./toBlocks";
import { toQdq } from "./toQdq";

/** Oldest IR version whose graphs may hold initializers that are not inputs. */
const initializersApart = 4;
/** The IR version that came with operator set 13. */
const irOfQdq = 7;

/** Lays out the model with the assigned weights quantized, everything else as it is. */
export async function planWrite(request: WriteRequest): Promise<WritePlan> {
  const { folder, index, outputName } = request;
  const source = await folder.open(index.files[0]);
  try {
    const model = await readModel(folder, index.files[0], source);
    const weights = chosen(model, request.assignments, index.path);
    const output = new Output(model, { outputName, facts: request.facts, replaced: weights.map((w) => w.weight.located) });
    output.moveExternalData(new Set(weights.map((w) => w.weight.located)));
    const notes: string[] = [];
    const isQdq = weights.some((w) => w.assignment.encoding === "int8-qdq");
    const opset = isQdq ? qdqOpsetOf(model.proto, model.network) : undefined;
    for (const { weight, assignment } of weights) {
      if (assignment.encoding === "int8-qdq") toQdq(output, weight, assignment, opset?.kind === "microsoft");
      else toBlocks(output, weight, assignment);
    }
    if (opset?.kind === "raise") {
      output.setDefaultOpset(qdqOpset);
      notes.push(
        `The version of the ONNX operator set is raised to ${qdqOpset}, which DequantizeLinear per channel needs; ` +
          "no operator of the model changes its meaning.",
      );
    } else if (opset?.kind === "microsoft") {
      notes.push(
        "The weights go through ONNX Runtime's own DequantizeLinear (com.microsoft): " +
          `the operator set cannot be raised to ${qdqOpset}, because ${opset.why}.`,
      );
    }
    const needsMicrosoft = opset?.kind === "microsoft" || weights.some((w) => w.assignment.encoding !== "int8-qdq");
    if (needsMicrosoft && !model.proto.opsetImport.some((o) => isMicrosoft(o.domain))) output.importOpset("com.microsoft", 1);
    if (weights.length) output.raiseIrVersion(opset?.kind === "raise" ? irOfQdq : initializersApart);
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

/** The assigned weights as the file has them now; what can no longer be done is an error. */
function chosen(
  model: OnnxModel,
  assignments: readonly Assignment[],
  path: string,
): { weight: Weight; assignment: Assignment }[] {
  const byName = new Map(weightsOf(model).map((w) => [w.located.constant.name, w]));
  return assignments.map((assignment) => {
    const weight = byName.get(assignment.tensor);
    const place = { file: path, tensor: assignment.tensor };
    if (!weight) throw new EngineError("bad-request", "The model has no such tensor.", place);
    const { located, consumers } = weight;
    const forms = exportForms({ proto: model.proto, located, consumers, quantized: model.views.has(located.constant.value) });
    const form = forms?.[assignment.encoding === "int8-qdq" ? "QDQ" : "MatMulNBits"];
    if (!form || "kept" in form) {
      throw new EngineError(
        "bad-request",
        `The tensor cannot be stored as ${assignment.encoding}: ${form?.kept ?? "no operator takes it as a weight"}.`,
        place,
      );
    }
    return { weight, assignment };
  });
}
