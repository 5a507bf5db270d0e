import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto } from "./proto";

/** A node and where it stands. */
export interface GraphNode {
  readonly proto: NodeProto;
  readonly scope: Scope;
  /** Place in the order of the whole file: bodies follow their node, functions come last. */
  readonly order: number;
}

/** One input of a node that takes a value. */
export interface Use {
  readonly node: GraphNode;
  readonly input: number;
}

/** A named value of a graph: an initializer, an input or a node's output. Bodies of If, Loop and Scan see those around them. */
export interface Value {
  readonly name: string;
  readonly scope: Scope;
  readonly uses: Use[];
  constant?: Constant;
  producer?: GraphNode;
  /** Several constants have this name. */
  isAmbiguous?: boolean;
  isInput: boolean;
  isOutput: boolean;
}

/** A value that the file holds. */
export interface Constant {
  /** Unique in the model: names inside bodies and functions have their path in front. */
  readonly name: string;
  readonly value: Value;
  readonly origin:
    | { readonly kind: "initializer"; readonly proto: TensorProto }
    | { readonly kind: "node"; readonly proto: TensorProto; readonly node: GraphNode }
    | { readonly kind: "numbers"; readonly attribute: AttributeProto; readonly node: GraphNode }
    | { readonly kind: "sparse"; readonly proto: SparseTensorProto; readonly node?: GraphNode };
}

export interface Scope {
  readonly parent?: Scope;
  readonly graph?: GraphProto;
  readonly fn?: FunctionProto;
  readonly values: Map<string, Value>;
  readonly nodes: GraphNode[];
  /** "" for the main graph; else a path ending in "/". */
  readonly prefix: string;
}

export interface Network {
  readonly main: Scope;
  readonly scopes: readonly Scope[];
  readonly functions: ReadonlyMap<string, Scope>;
  readonly constants: readonly Constant[];
  /** Names that were given twice in one graph, by the name the second one got. */
  readonly duplicates: readonly string[];
}

export const isDefaultDomain = (domain: string) => domain === "" || domain === "ai.onnx";
export const isMicrosoft = (domain: string) => domain === "com.microsoft";

/** Version of the default operator set; 1 where the file does not say. */
export const defaultOpset = (proto: Pick<ModelProto, "opsetImport">): number =>
  proto.opsetImport.findLast((o) => isDefaultDomain(o.domain))?.version ?? 1;

export const attributeOf = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((a) => a.name === name);
export const intAttribute = (node: NodeProto, name: string, otherwise: number): number => attributeOf(node, name)?.i ?? otherwise;

export const functionKey = (domain: string, name: string, overload: string) =>
  JSON.stringify([isDefaultDomain(domain) ? "" : domain, name, overload]);

/** The value that a node's input names, or undefined where it names none (an omitted input, a broken graph). */
export function inputOf(node: GraphNode, input: number): Value | undefined {
  const name = node.proto.input[input];
  return name ? lookUp(node.scope, name) : undefined;
}

/** The value a node's output gives. */
export function outputOf(node: GraphNode, output = 0): Value | undefined {
  const name = node.proto.output[output];
  return name ? node.scope.values.get(name) : undefined;
}

function lookUp(scope: Scope | undefined, name: string): Value | undefined {
  for (; scope; scope = scope.parent) {
    const value = scope.values.get(name);
    if (value) return value;
  }
  return undefined;
}

/** The function that a graph or body belongs to, however deep. */
export function functionOf(scope: Scope): FunctionProto | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at.fn) return at.fn;
  return undefined;
}

/** Links every node's inputs to the values they name, through bodies and functions, and names the constants. */
export function buildNetwork(model: ModelProto): Network {
  return new Builder().build(model);
}

class Builder {
  readonly scopes: Scope[] = [];
  readonly constants: Constant[] = [];
  readonly duplicates: string[] = [];
  readonly #names = new Map<string, number>();
  readonly #prefixes = new Map<string, number>();
  #order = 0;

  build(model: ModelProto): Network {
    const main = this.#graph(model.graph!, undefined, "");
    const functions = new Map<string, Scope>();
    for (const fn of model.functions) {
      const prefix = this.#prefix(`${isDefaultDomain(fn.domain) ? "" : `${fn.domain}.`}${fn.name || "function"}`);
      const scope = this.#scope({ fn, prefix });
      for (const name of fn.input) this.#value(scope, name).isInput = true;
      this.#nodes(scope, fn.node);
      for (const name of fn.output) this.#value(scope, name).isOutput = true;
      functions.set(functionKey(fn.domain, fn.name, fn.overload), scope);
    }
    return { main, scopes: this.scopes, functions, constants: this.constants, duplicates: this.duplicates };
  }

  #graph(graph: GraphProto, parent: Scope | undefined, prefix: string): Scope {
    const scope = this.#scope({ graph, parent, prefix });
    for (const input of graph.input) this.#value(scope, input.name).isInput = true;
    for (const proto of graph.initializer) this.#constant(scope, proto.name, { kind: "initializer", proto });
    for (const proto of graph.sparseInitializer) this.#constant(scope, proto.values?.name ?? "", { kind: "sparse", proto });
    this.#nodes(scope, graph.node);
    for (const output of graph.output) this.#value(scope, output.name).isOutput = true;
    return scope;
  }

  #nodes(scope: Scope, protos: readonly NodeProto[]): void {
    // All outputs first: a broken file may use a value before the node that makes it.
    for (const proto of protos) {
      const node: GraphNode = { proto, scope, order: 0 };
      scope.nodes.push(node);
      for (const name of proto.output) if (name) this.#value(scope, name).producer ??= node;
    }
    for (let i = 0; i < protos.length; i++) {
      const node = scope.nodes[i] as { -readonly [K in keyof GraphNode]: GraphNode[K] };
      node.order = this.#order++;
      node.proto.input.forEach((name, input) => {
        if (name) lookUp(scope, name)?.uses.push({ node, input });
      });
      if (node.proto.opType === "Constant" && isDefaultDomain(node.proto.domain)) this.#constantNode(node);
      for (const attribute of node.proto.attribute) {
        const bodies = attribute.g ? [attribute.g, ...attribute.graphs] : attribute.graphs;
        for (const body of bodies) {
          const label = node.proto.name || `${node.proto.opType}_${i}`;
          this.#graph(body, scope, this.#prefix(`${scope.prefix}${label}/${attribute.name}`));
        }
      }
    }
  }

  #constantNode(node: GraphNode): void {
    const name = node.proto.output[0] ?? "";
    for (const attribute of node.proto.attribute) {
      if (attribute.name === "value" && attribute.t) this.#constant(node.scope, name, { kind: "node", proto: attribute.t, node });
      else if (attribute.name === "sparse_value" && attribute.sparse) {
        this.#constant(node.scope, name, { kind: "sparse", proto: attribute.sparse, node });
      } else if (["value_float", "value_floats", "value_int", "value_ints"].includes(attribute.name)) {
        this.#constant(node.scope, name, { kind: "numbers", attribute, node });
      }
    }
  }

  #constant(scope: Scope, name: string, origin: Constant["origin"]): void {
    const value = this.#value(scope, name);
    const wanted = scope.prefix + (name || "(unnamed)");
    const unique = firstFree(this.#names, wanted, "#");
    const constant: Constant = { name: unique, value, origin };
    this.constants.push(constant);
    if (unique !== wanted) this.duplicates.push(unique);
    if (value.constant) value.isAmbiguous = true;
    value.constant ??= constant;
  }

  #scope(parts: Pick<Scope, "parent" | "graph" | "fn" | "prefix">): Scope {
    const scope: Scope = { ...parts, values: new Map(), nodes: [] };
    this.scopes.push(scope);
    return scope;
  }

  #value(scope: Scope, name: string): Value {
    let value = scope.values.get(name);
    if (!value) scope.values.set(name, (value = { name, scope, uses: [], isInput: false, isOutput: false }));
    return value;
  }

  /** A path of its own for each body, also where nodes share a name. */
  #prefix(path: string): string {
    return `${firstFree(this.#prefixes, path, "_")}/`;
  }
}

/** `wanted`, or with the next free number behind it. `taken` remembers the last number, so that many duplicates stay quick. */
function firstFree(taken: Map<string, number>, wanted: string, separator: string): string {
  let last = taken.get(wanted);
  if (last === undefined) {
    taken.set(wanted, 1);
    return wanted;
  }
  let unique: string;
  do unique = `${wanted}${separator}${++last}`;
  while (taken.has(unique));
  taken.set(wanted, last);
  taken.set(unique, 1);
  return unique;
}
