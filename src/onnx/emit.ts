/** Graph → GraphProto: walks the nodes in order and lets each op emit itself. */
import type { Emitter, EmitOptions, OnnxAttribute, SubgraphSpec } from "../graph/emitter.ts";
import { nodesInOrder, type Graph } from "../graph/graph.ts";
import { inputsOf } from "../graph/inputs.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { formatType, type Node, type Tensor, type TensorType } from "../graph/tensor.ts";
import {
  DATA_TYPES,
  type AttributeProto,
  type GraphProto,
  type InitializerProto,
  type NodeProto,
  type ValueInfoProto,
} from "./model.ts";

/** Constants up to this many elements are stored once for all equal ones. */
const SHARED_CONSTANT_ELEMENTS = 64;

/** The model's parts that all its subgraphs share: names are unique in the file, constants live in the main graph. */
interface ModelState {
  count: number;
  readonly initializers: InitializerProto[];
  readonly sharedConstants: Map<string, string>;
  readonly ownConstants: Map<NdArray, string>;
}

/** Emits a graph. Inputs keep their names, outputs get the names of the graph's record. */
export function emitGraph(graph: Graph, name = "performer"): GraphProto {
  const inputs = inputsOf(graph);
  const outputs = Object.entries(graph.outputs);
  const state: ModelState = { count: 0, initializers: [], sharedConstants: new Map(), ownConstants: new Map() };
  const names = new Map<Tensor, string>();
  const nodes = emitNodes(
    outputs.map(([, tensor]) => tensor),
    names,
    state,
  );
  return {
    name,
    nodes: nameOutputs(
      nodes,
      outputs.map(([output, tensor]) => [output, names.get(tensor) ?? ""]),
    ),
    initializers: state.initializers,
    inputs: [...inputs].map(([input, [tensor]]) => valueInfo(input, tensor)),
    outputs: outputs.map(([output, tensor]) => valueInfo(output, tensor)),
  };
}

function valueInfo(name: string, { dtype, shape }: TensorType): ValueInfoProto {
  return { name, dtype, shape };
}

/** Emits what the outputs need; `names` holds the given tensors and receives all others. */
function emitNodes(outputs: readonly Tensor[], names: Map<Tensor, string>, state: ModelState): NodeProto[] {
  const nodes: NodeProto[] = [];
  for (const node of nodesInOrder(outputs, new Set(names.keys()))) {
    const inputs = node.inputs.map((tensor) => names.get(tensor) ?? "");
    const values = node.op.emit(createEmitter(node, nodes, state), inputs, node);
    node.outputs.forEach((tensor, index) => names.set(tensor, values[index] ?? ""));
  }
  return nodes;
}

function createEmitter(node: Node, nodes: NodeProto[], state: ModelState): Emitter {
  const emitNode = (opType: string, inputs: readonly string[], numOutputs: number, options: EmitOptions = {}) => {
    const name = `${node.path}#${state.count++}`;
    const outputs = Array.from({ length: numOutputs }, (_, index) => (index === 0 ? name : `${name}.${index}`));
    const attributes = Object.entries(options.attributes ?? {}).map(([key, value]) =>
      toAttribute(key, value, (spec) => emitSubgraph(spec, state)),
    );
    nodes.push({ opType, name, domain: options.domain ?? "", inputs: [...inputs], outputs, attributes });
    return outputs;
  };
  return {
    node: (opType, inputs, options) => emitNode(opType, inputs, 1, options)[0] ?? "",
    nodes: emitNode,
    constant: (array) => constantName(array, state),
    int64: (values) => constantName(ndarray(BigInt64Array.from(values, BigInt), [values.length]), state),
    float: (value) => constantName(ndarray(Float32Array.of(value), []), state),
  };
}

function constantName(array: NdArray, state: ModelState): string {
  const known = state.ownConstants.get(array);
  if (known !== undefined) return known;
  const small = array.data.length <= SHARED_CONSTANT_ELEMENTS;
  const { buffer, byteOffset, byteLength } = array.data;
  // By their bytes, which tell 0 from −0.
  const key = small ? `${formatType(array)}${new Uint8Array(buffer, byteOffset, byteLength).join()}` : "";
  const shared = small ? state.sharedConstants.get(key) : undefined;
  if (shared !== undefined) return shared;
  const name = `constant#${state.count++}`;
  state.initializers.push({ name, array });
  state.ownConstants.set(array, name);
  if (small) state.sharedConstants.set(key, name);
  return name;
}

function emitSubgraph(spec: SubgraphSpec, state: ModelState): GraphProto {
  const names = new Map<Tensor, string>(spec.captured);
  const inputs = spec.inputs.map((tensor) => {
    const name = `${spec.name}.input#${state.count++}`;
    names.set(tensor, name);
    return valueInfo(name, tensor);
  });
  const nodes = emitNodes(spec.outputs, names, state);
  const outputs = spec.outputs.map((tensor) => valueInfo(`${spec.name}.output#${state.count++}`, tensor));
  return {
    name: spec.name,
    nodes: nameOutputs(
      nodes,
      spec.outputs.map((tensor, index) => [outputs[index]?.name ?? "", names.get(tensor) ?? ""]),
    ),
    initializers: [],
    inputs,
    outputs,
  };
}

function toAttribute(
  name: string,
  attribute: OnnxAttribute,
  toGraph: (spec: SubgraphSpec) => GraphProto,
): AttributeProto {
  if ("int" in attribute) return { name, kind: "int", value: attribute.int };
  if ("ints" in attribute) return { name, kind: "ints", value: attribute.ints };
  if ("float" in attribute) return { name, kind: "float", value: attribute.float };
  if ("string" in attribute) return { name, kind: "string", value: attribute.string };
  if ("dtype" in attribute) return { name, kind: "int", value: DATA_TYPES[attribute.dtype] };
  return { name, kind: "graph", value: toGraph(attribute.body) };
}

/**
 * Gives the outputs their public names: values made by a node of this graph are renamed, others (inputs, constants, a
 * value that is output twice) pass through an Identity.
 */
function nameOutputs(nodes: NodeProto[], outputs: readonly (readonly [string, string])[]): NodeProto[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const identities: (readonly [string, string])[] = [];
  for (const [output, value] of outputs) {
    if (made.has(value) && !renamed.has(value)) renamed.set(value, output);
    else identities.push([output, value]);
  }
  const rename = (value: string) => renamed.get(value) ?? value;
  return [
    ...nodes.map((node) => renameNode(node, rename)),
    ...identities.map(([output, value]): NodeProto => ({
      opType: "Identity",
      name: `Identity/${output}`,
      domain: "",
      inputs: [rename(value)],
      outputs: [output],
      attributes: [],
    })),
  ];
}

/** Renames values, also where a body reads them from outside. */
function renameNode(node: NodeProto, rename: (value: string) => string): NodeProto {
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: node.attributes.map((attribute) =>
      attribute.kind === "graph"
        ? {
            ...attribute,
            value: { ...attribute.value, nodes: attribute.value.nodes.map((inner) => renameNode(inner, rename)) },
          }
        : attribute,
    ),
  };
}
