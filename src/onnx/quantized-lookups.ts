/**
 * Tables that rows are looked up in, as int8: each row with a scale of its own (round to nearest, symmetric).
 *
 * Rows are gathered as they are and multiplied by their scales: standard ops alone. Tables that are also read
 * otherwise, such as embeddings that serve as output layer, stay.
 */
import { ndarray } from "../graph/ndarray.ts";
import { DATA_TYPES, type AttributeProto, type GraphProto, type InitializerProto, type NodeProto } from "./model.ts";

/** Tables of fewer numbers stay: a row needs two nodes more. */
const FEWEST_NUMBERS = 2 ** 16;

/** The same graph with large tables of `[rows, width]` that are only looked up stored as int8. */
export function quantizeLookups(graph: GraphProto): GraphProto {
  const readOtherwise = new Set(
    graph.nodes.flatMap((node) => [...node.inputs.filter((_, at) => !isTable(node, at)), ...readInBodies(node)]),
  );
  const looked = new Set(graph.nodes.flatMap((node) => node.inputs.filter((_, at) => isTable(node, at))));
  const quantized = new Map<string, readonly InitializerProto[]>();
  for (const { name, array } of graph.initializers) {
    const { data, shape } = array;
    const [rows = 0, width = 0, ...rest] = shape;
    if (!looked.has(name) || readOtherwise.has(name) || rest.length > 0 || !(data instanceof Float32Array)) continue;
    if (data.length >= FEWEST_NUMBERS) quantized.set(name, quantizeRows(name, data, rows, width));
  }
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => (quantized.has(node.inputs[0] ?? "") ? lookUp(node) : [node])),
    initializers: graph.initializers.flatMap((initializer) => quantized.get(initializer.name) ?? [initializer]),
  };
}

/** Whether an input is a table whose rows a node gathers. */
function isTable({ opType, attributes }: NodeProto, position: number): boolean {
  const axis = attributes.find(({ name }) => name === "axis");
  return opType === "Gather" && position === 0 && (axis?.kind !== "int" || axis.value === 0);
}

/** What loops and branches read: it stays. */
function readInBodies({ attributes }: NodeProto): readonly string[] {
  return attributes.flatMap((attribute) =>
    attribute.kind === "graph" ? attribute.value.nodes.flatMap((node) => [...node.inputs, ...readInBodies(node)]) : [],
  );
}

/** `[rows, width]` int8, and scales `[rows, 1]`: 127 steps on either side of 0. */
function quantizeRows(name: string, values: Float32Array, rows: number, width: number): readonly InitializerProto[] {
  const data = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let largest = 0;
    for (let i = start; i < start + width; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    const scale = largest / 127;
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = start; i < start + width; i++) data[i] = Math.round((values[i] ?? 0) / scale);
  }
  return [
    { name: `${name}/int8`, array: { dtype: "int8", shape: [rows, width], data } },
    { name: `${name}/scales`, array: ndarray(scales, [rows, 1]) },
  ];
}

/** Gathers rows and their scales by the same indices, and multiplies. */
function lookUp(node: NodeProto): readonly NodeProto[] {
  const [table = "", indices = ""] = node.inputs;
  const made = (opType: string, suffix: string, inputs: string[], attributes: readonly AttributeProto[]): NodeProto => {
    const name = `${node.name}/${suffix}`;
    return { opType, name, domain: "", inputs, outputs: [name], attributes };
  };
  const rows = made("Gather", "rows", [`${table}/int8`, indices], node.attributes);
  const floats = made("Cast", "float32", rows.outputs, [{ name: "to", kind: "int", value: DATA_TYPES.float32 }]);
  const scales = made("Gather", "scales", [`${table}/scales`, indices], node.attributes);
  return [
    rows,
    floats,
    scales,
    { ...node, opType: "Mul", inputs: [...floats.outputs, ...scales.outputs], attributes: [] },
  ];
}
