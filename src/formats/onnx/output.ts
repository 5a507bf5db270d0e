import { EngineError } from "../../core/errors";
import type { EncodingFacts } from "../format";
import type { Located } from "./constants";
import { DataFile } from "./dataFile";
import { bytesField, externalFields, field, intField, node, type NodeParts, type Piece, totalBytes } from "./encode";
import { type Constant, isDefaultDomain, type Scope } from "./network";
import type { OnnxModel } from "./model";
import { append, type Edit, insertBefore, replace, rewrite } from "./rewrite";
import type { FunctionProto, GraphProto, NodeProto, Span, TensorProto } from "./proto";
import { dataTypes, rawBytes } from "./types";

/** Protobuf messages end at 2 GiB; beyond this, weights go to a file of their own. */
const longestMessage = 1.9e9;
/** Tensors below this stay in the model file: shapes must, for shape inference, and files are not made for bytes. */
const shortData = 1024;

/** Collects the changes that make the exported model out of the source. */
export class Output {
  readonly data: DataFile;
  readonly #edits: Edit[] = [];
  readonly #names = new Set<string>();
  readonly #isExternal: boolean;
  readonly #removedInputs = new Set<string>();

  constructor(
    readonly model: OnnxModel,
    readonly options: { outputName: string; facts: EncodingFacts; replaced: readonly Located[] },
  ) {
    this.data = new DataFile(`${options.outputName}.data`);
    for (const scope of model.network.scopes) {
      for (const name of scope.values.keys()) this.#names.add(name);
      for (const node of scope.nodes) this.#names.add(node.proto.name);
    }
    const replaced = new Set(options.replaced);
    let kept = 0;
    for (const located of model.located) {
      const isElsewhere = located.data && "file" in located.data && located.data.file > 0;
      if (isElsewhere && !replaced.has(located)) kept += located.byteLength;
    }
    const isSplit = tensorsOf(model).some((t) => t.dataLocation === 1);
    // Codes never take more than the f32 they replace, nor scales more than half of that again for the smallest groups.
    const estimate = model.files.source.size + kept + options.replaced.reduce((sum, l) => sum + 1.5 * l.byteLength, 0);
    this.#isExternal = isSplit || estimate > longestMessage;
  }

  edit(edit: Edit): void {
    this.#edits.push(edit);
  }

  replace(span: Span, pieces: readonly Piece[]): void {
    this.#edits.push(replace(span, pieces));
  }

  /** Puts pieces before the first node of a graph. */
  insertFirst(graph: GraphProto, pieces: readonly Piece[]): void {
    const first = graph.node[0];
    this.#edits.push(first ? insertBefore(first.span, pieces) : append(graph.span, pieces));
  }

  insertBeforeNode(node: NodeProto, pieces: readonly Piece[]): void {
    this.#edits.push(insertBefore(node.span, pieces));
  }

  /** A name that nothing in the model has yet. */
  unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  /**
   * A new initializer (GraphProto field 5), inside the model or in the companion file. Functions have none: there it is a Constant,
   * which ONNX Runtime makes an initializer of when it opens the function.
   */
  initializer(scope: Scope, parts: { name: string; type: number; dims: readonly number[]; content: readonly Piece[] }): Piece[] {
    const length = totalBytes(parts.content);
    const isApart = !scope.fn && this.#isExternal && length >= shortData;
    const tensor = field(5, [
      ...parts.dims.map((d) => intField(1, d)),
      intField(2, parts.type),
      bytesField(8, parts.name),
      ...(isApart ? externalFields(this.data.place(parts.content)) : field(9, parts.content)),
    ]);
    if (!scope.fn) return tensor;
    const value = field(5, [bytesField(1, "value"), ...tensor, intField(20, 4)]);
    return field(7, [bytesField(2, parts.name), bytesField(4, "Constant"), ...value]);
  }

  /** A new node of a graph or function. */
  node(scope: Scope, parts: NodeParts): Piece[] {
    return node(parts, scope.fn ? 7 : 1);
  }

  /**
   * Puts what becomes of a constant in its place: new initializers, and nodes that give its users the value under the old name.
   */
  substitute({ value, origin }: Constant, initializers: readonly Piece[], nodes: readonly Piece[]): void {
    // Initializers may stand anywhere in the message of their graph.
    if (origin.kind === "node") this.replace(origin.node.proto.span, [...initializers, ...nodes]);
    else if (origin.kind === "initializer") {
      this.replace(origin.proto.span, initializers);
      if (nodes.length) this.insertFirst(value.scope.graph!, nodes);
    }
    this.removeInput(value.scope, value.name);
  }

  /** Takes a constant out that nothing uses any more. */
  remove({ value, origin }: Constant): void {
    if (origin.kind === "initializer") this.replace(origin.proto.span, []);
    else if (origin.kind !== "sparse") this.replace(origin.node.proto.span, []);
    this.removeInput(value.scope, value.name);
  }

  /** A quantized constant is no input of the graph any more: nobody could feed it. */
  removeInput(scope: Scope, name: string): void {
    for (const input of scope.graph?.input ?? []) if (input.name === name) this.#removeInput(input.span);
  }

  #removeInput(span: Span): void {
    const key = `${span.start}`;
    if (this.#removedInputs.has(key)) return;
    this.#removedInputs.add(key);
    this.replace(span, []);
  }

  /** Tensors kept with external data point into the new companion file, whose name and offsets are new. */
  moveExternalData(replaced: readonly Constant[]): void {
    const gone = new Set(replaced.map(({ origin }) => ("proto" in origin ? origin.proto : undefined)));
    const places = new Map<unknown, Located>(
      this.model.located.map((l) => ["proto" in l.constant.origin ? l.constant.origin.proto : undefined, l]),
    );
    for (const tensor of tensorsOf(this.model)) {
      if (tensor.dataLocation !== 1 || gone.has(tensor)) continue;
      const located = places.get(tensor);
      const place = located?.data && "file" in located.data ? located.data : undefined;
      if (!place) {
        const message = located?.problem?.message ?? "Its external data is not a plain constant's, and is not carried over.";
        throw new EngineError("not-found", `The model cannot be exported without all of its data: ${message}`, {
          file: this.model.files.source.path,
          tensor: tensor.name,
        });
      }
      for (const entry of tensor.externalData) this.replace(entry.span, []);
      const moved = this.data.copy(place.file, place.offset, place.byteLength);
      this.edit(append(tensor.span, externalFields(moved)));
    }
  }

  setDefaultOpset(version: number): void {
    const [first, ...others] = this.model.proto.opsetImport.filter((o) => isDefaultDomain(o.domain));
    const content = field(8, [bytesField(1, ""), intField(2, version)]);
    if (first) this.replace(first.span, content);
    else this.edit(append(this.model.proto.span, content));
    for (const other of others) this.replace(other.span, []);
  }

  importOpset(domain: string, version: number): void {
    this.edit(append(this.model.proto.span, field(8, [bytesField(1, domain), intField(2, version)])));
  }

  /** What a function uses it imports itself. */
  importInto(fn: FunctionProto, domain: string, version: number): void {
    this.edit(append(fn.span, field(9, [bytesField(1, domain), intField(2, version)])));
  }

  /**
   * Raises the IR version where it is lower. Before 4 every initializer had to be an input too, and was a constant all the
   * same; from 4 on an input with an initializer is one that may be fed, so those inputs go.
   */
  raiseIrVersion(version: number): void {
    const { proto, network } = this.model;
    const before = proto.irVersion ?? 0;
    if (before >= version) return;
    // The last of several values counts, so the new one stands at the end.
    this.edit(append(proto.span, [intField(1, version)]));
    if (before >= 4) return;
    const initialized = new Set(network.main.graph!.initializer.map((t) => t.name));
    for (const input of network.main.graph!.input) if (initialized.has(input.name)) this.#removeInput(input.span);
  }

  /** The pieces of the model file, and the companion file. */
  finish(): { main: Piece[]; data: DataFile } {
    let main = rewrite(this.model.proto.span, this.#edits);
    if (totalBytes(main) > longestMessage) main = rewrite(this.model.proto.span, [...this.#edits, ...this.#moveKeptData()]);
    return { main, data: this.data };
  }

  /** Large weights that stay as they are leave a model file that would be too long for protobuf. */
  #moveKeptData(): Edit[] {
    const touched = new Set(this.#edits.map((e) => e.start));
    const edits: Edit[] = [];
    for (const graph of this.model.network.scopes.map((s) => s.graph)) {
      for (const tensor of graph?.initializer ?? []) {
        const type = dataTypes.get(tensor.dataType);
        if (!tensor.raw || tensor.raw.length < shortData || !type || touched.has(tensor.span.start) || tensor.dataLocation === 1)
          continue;
        if (
          tensor.raw.length !==
          rawBytes(
            type,
            tensor.dims.reduce((a, b) => a * b, 1),
          )
        )
          continue;
        const place = this.data.copy(0, tensor.raw.offset, tensor.raw.length);
        edits.push(
          replace(
            tensor.span,
            field(5, [
              ...tensor.dims.map((d) => intField(1, d)),
              intField(2, tensor.dataType),
              bytesField(8, tensor.name),
              ...externalFields(place),
            ]),
          ),
        );
      }
    }
    return edits;
  }
}

/** Every tensor in the model's graphs and functions, constants or not. */
function tensorsOf(model: OnnxModel): TensorProto[] {
  const tensors: (TensorProto | undefined)[] = [];
  for (const { graph, nodes } of model.network.scopes) {
    tensors.push(...(graph?.initializer ?? []));
    for (const sparse of graph?.sparseInitializer ?? []) tensors.push(sparse.values, sparse.indices);
    for (const { proto } of nodes) {
      for (const attribute of proto.attribute)
        tensors.push(attribute.t, ...attribute.tensors, attribute.sparse?.values, attribute.sparse?.indices);
    }
  }
  return tensors.filter((t) => t !== undefined);
}
