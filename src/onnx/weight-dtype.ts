/**
 * Weights in fewer bits: rewrites an emitted graph so that its large weights are stored as float16 or int8.
 *
 * float16: the stored array is rounded to half precision and cast back where the graph is loaded; products stay in
 * float32. int8: weights of linear layers in blocks of 32 along the input, each with a float32 scale (round to nearest,
 * symmetric). The engine multiplies them as they are, with inputs rounded to 8 bits block by block of their own row, so
 * that no row depends on another.
 */
import { toFloat16Bits } from "../graph/half-precision.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { GraphProto, InitializerProto, NodeProto, RawArray } from "./model.ts";

/** Names as in PyTorch and NumPy. */
export const weightDtypes = ["float32", "float16", "int8"] as const;
export type WeightDtype = (typeof weightDtypes)[number];

/**
 * Inputs of a linear layer that share a scale: a quarter of the bytes of float32, and an eighth more for the scales.
 */
export const QUANTIZATION_BLOCK = 32;

/** MatMulNBits, `accuracy_level`: inputs rounded to int8, which its fast kernels need. */
const INT8_INPUTS = 4;

/** The same graph with its weights in the given type. */
export function storeWeights(graph: GraphProto, dtype: WeightDtype): GraphProto {
  const rewrites = { float32: (same: GraphProto) => same, float16: halveWeights, int8: quantizeLinears };
  return rewrites[dtype](graph);
}

/** Bytes of all initializers. */
export function initializerBytes({ initializers }: GraphProto): number {
  return initializers.reduce((total, { array }) => total + array.data.byteLength, 0);
}

/** Matrices that linear layers multiply by, that embeddings are looked up in, and that the output layer transposes. */
function isWeightOf({ opType }: NodeProto, position: number): boolean {
  return (opType === "Gemm" && position === 1) || ((opType === "Gather" || opType === "Transpose") && position === 0);
}

function halveWeights(graph: GraphProto): GraphProto {
  const weights = new Set(
    graph.nodes.flatMap((node) => node.inputs.filter((_, position) => isWeightOf(node, position))),
  );
  const casts: NodeProto[] = [];
  const initializers = graph.initializers.map((initializer): InitializerProto => {
    const { name, array } = initializer;
    if (!weights.has(name) || array.shape.length !== 2 || !(array.data instanceof Float32Array)) return initializer;
    casts.push({
      opType: "Cast",
      name: `${name}/float32`,
      domain: "",
      inputs: [`${name}/float16`],
      outputs: [name],
      attributes: [{ name: "to", kind: "int", value: 1 }],
    });
    // A loop: typed arrays' `from` takes many times as long on millions.
    const data = new Uint16Array(array.data.length);
    for (let index = 0; index < data.length; index++) data[index] = toFloat16Bits(array.data[index] ?? 0);
    return { name: `${name}/float16`, array: { dtype: "float16", shape: array.shape, data } };
  });
  return { ...graph, initializers, nodes: [...casts, ...graph.nodes] };
}

function quantizeLinears(graph: GraphProto): GraphProto {
  const arrays = new Map(graph.initializers.map(({ name, array }) => [name, array]));
  const quantized = new Map<string, InitializerProto[]>();
  const nodes = graph.nodes.map((node): NodeProto => {
    const [x = "", weight = "", bias = ""] = node.inputs;
    const array = arrays.get(weight);
    if (!isLinear(node) || array?.shape.length !== 2 || !(array.data instanceof Float32Array)) return node;
    const [N = 0, K = 0] = array.shape;
    if (!quantized.has(weight)) quantized.set(weight, quantizeRows(weight, array.data, N, K));
    return {
      ...node,
      opType: "MatMulNBits",
      domain: "com.microsoft",
      inputs: [x, `${weight}/int8`, `${weight}/scales`, "", "", bias],
      attributes: Object.entries({ K, N, bits: 8, block_size: QUANTIZATION_BLOCK, accuracy_level: INT8_INPUTS }).map(
        ([name, value]) => ({ name, kind: "int", value }),
      ),
    };
  });
  const stillRead = new Set(nodes.flatMap(({ inputs }) => inputs));
  const kept = graph.initializers.filter(({ name }) => !quantized.has(name) || stillRead.has(name));
  return { ...graph, nodes, initializers: [...kept, ...[...quantized.values()].flat()] };
}

/** x Wᵀ + b. */
function isLinear({ opType, attributes }: NodeProto): boolean {
  const flag = (name: string) =>
    attributes.some((each) => each.name === name && each.kind === "int" && each.value === 1);
  return opType === "Gemm" && flag("transB") && !flag("transA");
}

/**
 * `[N, K]` in blocks along K, the last one filled up with zeros: `[N, K / block, block]` uint8 around 128, and a scale
 * each.
 *
 * 127 steps on either side of 0, so that a block's largest value keeps its place exactly.
 */
function quantizeRows(name: string, weights: Float32Array, N: number, K: number): InitializerProto[] {
  const block = QUANTIZATION_BLOCK;
  const blocks = Math.ceil(K / block);
  const data = new Uint8Array(N * blocks * block).fill(128);
  const scales = new Float32Array(N * blocks);
  for (let row = 0; row < N; row++) {
    for (let index = 0; index < blocks; index++) {
      const start = row * K + index * block;
      const values = weights.subarray(start, Math.min(start + block, (row + 1) * K));
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
      scales[row * blocks + index] = scale;
      if (scale === 0) continue;
      const target = (row * blocks + index) * block;
      values.forEach((value, i) => (data[target + i] = 128 + Math.round(value / scale)));
    }
  }
  const bytes: RawArray = { dtype: "uint8", shape: [N, blocks, block], data };
  return [
    { name: `${name}/int8`, array: bytes },
    { name: `${name}/scales`, array: ndarray(scales, [N * blocks]) },
  ];
}
