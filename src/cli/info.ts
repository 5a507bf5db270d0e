import type { TensorInfo } from "../core/model";
import { modelDocument, printDocument } from "./document";
import { bytes, digits } from "./numbers";
import { print } from "./output";
import { summary } from "./summary";
import type { Column } from "./table";
import { table } from "./table";
import { withEngine } from "./withEngine";

export interface InfoOptions {
  readonly model: string;
  readonly json: boolean;
}

const columns: readonly Column<TensorInfo>[] = [
  { title: "tensor", text: (t) => t.name },
  { title: "shape", text: (t) => t.shape.join("×") || "scalar" },
  { title: "encoding", text: (t) => t.encodingLabel },
  { title: "bits/weight", align: "right", text: (t) => digits(t.bitsPerWeight) },
  { title: "size", align: "right", text: (t) => bytes(t.byteLength) },
];

/** `bitlens info`: the header alone. */
export async function info({ model, json }: InfoOptions): Promise<void> {
  await withEngine({}, async (engine, token) => {
    const index = await engine.open(model, token);
    if (json) await print(printDocument(modelDocument(index, index.tensors)));
    else await print([summary(index), "\n", table(columns, index.tensors)]);
  });
}
