/** What every attention mechanism and every form of it must fulfil, against its naive float64 twin. */
import { createBackend } from "#engine";
import { backpropagate } from "../../src/autodiff/gradients.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { mul } from "../../src/ops/elementwise.ts";
import { full, input } from "../../src/ops/source.ts";
import { feedsFor, type Backend } from "../../src/runtime/backend.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import type {
  AttentionMechanism,
  AttentionOptions,
  ExecutionForm,
  ProjectionChoice,
} from "../../src/attention/mechanism.ts";
import type { Matrix } from "./naive.ts";

/** Sizes of a case; L queries and S keys. */
export interface Sizes {
  readonly B: number;
  readonly H: number;
  readonly L: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
  readonly M: number;
}

export interface AttentionCase {
  readonly sizes: Sizes;
  readonly causal: boolean;
  /** Real keys of each sequence; the rest is padding. Default: no mask. */
  readonly realKeys?: readonly number[];
  readonly form?: ExecutionForm;
  /** Standard deviation of q and k; default 1. */
  readonly scale?: number;
  /** Mean of q and k; default 0. */
  readonly mean?: number;
  readonly projection?: ProjectionChoice;
  /** The longest sequence that parameters of the mechanism's own must serve. Default: the longest of the case. */
  readonly maxSeqLen?: number;
  readonly seed?: number;
}

export type NaiveTwin = (
  q: Matrix,
  k: Matrix,
  v: Matrix,
  options: {
    readonly causal: boolean;
    readonly keyMask?: readonly boolean[];
    readonly projection: Matrix;
    /** The mechanism's own, with all heads in them; `float64` where a gradient is measured. */
    readonly parameters: Readonly<Record<string, NdArray>>;
    /** Which head this is. */
    readonly head: number;
  },
) => number[][];

export interface Arrays {
  readonly q: NdArray;
  readonly k: NdArray;
  readonly v: NdArray;
  /** Gradient of the final scalar by the output. */
  readonly dOut: NdArray;
  readonly keyMask?: NdArray;
  readonly projection?: NdArray;
  /** The mechanism's own, where it has any. */
  readonly parameters?: Readonly<Record<string, NdArray>>;
}

/** The names of a case's arrays that have gradients. */
export type Differentiable = "q" | "k" | "v" | `parameters.${string}`;

/** The longest sequence that a case is configured for. */
export function maxSeqLenOf({ sizes, maxSeqLen = 0 }: AttentionCase): number {
  return Math.max(sizes.L, sizes.S, maxSeqLen);
}

/** Noise on parameters that start as a constant, or one would not be told from another. */
const CONSTANT_NOISE = 0.5;

function drawParameters(mechanism: AttentionMechanism, test: AttentionCase): Record<string, NdArray> {
  const { H, D } = test.sizes;
  const initial = mechanism.parameters?.({ numHeads: H, headDim: D, maxSeqLen: maxSeqLenOf(test) }) ?? {};
  return Object.fromEntries(
    Object.entries(initial).map(([name, { shape, init }]) => {
      const [mean, std] = "value" in init ? [init.value, CONSTANT_NOISE] : [0, init.std];
      const random = createRandom(test.seed ?? 7, "parameters", name);
      const values = fillNormal(random, new Float32Array(sizeOf(shape)), std);
      return [name, ndarray(mean === 0 ? values : values.map((value) => value + mean), shape)];
    }),
  );
}

/** @returns keys equal to the queries for mechanisms that share them */
export function drawArrays(mechanism: AttentionMechanism, test: AttentionCase): Arrays {
  const { B, H, L, S, D, E, M } = test.sizes;
  const random = createRandom(test.seed ?? 7, "attention");
  const normal = (shape: readonly number[], scale: number, mean = 0) => {
    const values = fillNormal(random, new Float32Array(sizeOf(shape)), scale);
    return ndarray(mean === 0 ? values : values.map((value) => value + mean), shape);
  };
  const { scale = 1, mean = 0, projection } = test;
  const sizes = { headDim: D, numFeatures: M, numHeads: H };
  const drawn = mechanism.initialise(random, projection ? { ...sizes, projection } : sizes);
  const q = normal([B, H, L, D], scale, mean);
  const arrays = {
    q,
    k: mechanism.sharesKeys === true ? q : normal([B, H, S, D], scale, mean),
    v: normal([B, H, S, E], 1),
    dOut: normal([B, H, L, E], 1),
    ...(drawn && { projection: drawn.projection }),
    ...(mechanism.parameters && { parameters: drawParameters(mechanism, test) }),
  };
  const { realKeys } = test;
  if (realKeys === undefined) return arrays;
  const mask = Float32Array.from({ length: B * S }, (_, i) => Number(i % S < (realKeys[Math.floor(i / S)] ?? S)));
  return { ...arrays, keyMask: ndarray(mask, [B, S]) };
}

/** Numbers as another data set might have given them, for mechanisms that need them to be causal. */
export function frozenStatistics({ statistics }: AttentionMechanism, { H, D }: Pick<Sizes, "H" | "D">) {
  const widths = statistics && Object.entries(statistics.widths(D));
  return widths && Object.fromEntries(widths.map(([name, width]) => [name, full([1, H, 1, width], 1.3)]));
}

/** What a run gives: the output, and gradients by the arrays of the same names. */
export interface Results extends Readonly<Record<"out" | "dq" | "dk" | "dv", NdArray>> {
  readonly parameters: Readonly<Record<string, NdArray>>;
}

/** The gradient by one of the arrays. */
export function gradientBy(results: Results, name: Differentiable): NdArray {
  if (name === "q" || name === "k" || name === "v") return results[`d${name}`];
  const found = results.parameters[name.slice("parameters.".length)];
  if (found === undefined) throw new Error(`no gradient by ${name}`);
  return found;
}

/**
 * The graph of a case: its output and the gradients of Σ out·dOut, with feeds for its inputs. Where keys are the
 * queries, dq is of both.
 */
export function mechanismGraph(mechanism: AttentionMechanism, test: AttentionCase, arrays: Arrays) {
  const { parameters: own = {}, ...others } = arrays;
  const inputs = (record: Readonly<Record<string, NdArray>>, prefix = "") =>
    Object.fromEntries(
      Object.entries(record).map(([name, { shape, dtype }]) => [name, input(prefix + name, shape, dtype)]),
    );
  const tensors = inputs({ ...others }) as Record<"q" | "k" | "v" | "dOut", Tensor> &
    Partial<Record<"keyMask" | "projection", Tensor>>; // the names of Arrays
  const { q, v, dOut, keyMask, projection } = tensors;
  const k = mechanism.sharesKeys === true ? q : tensors.k;
  const parameters = inputs(own, "parameters.");
  const names = Object.keys(own);
  const statistics = test.causal ? frozenStatistics(mechanism, test.sizes) : undefined;
  const options: AttentionOptions = {
    causal: test.causal,
    ...(statistics && { statistics }),
    ...(test.form && { form: test.form }),
    ...(keyMask && { keyMask }),
    ...(projection && { projection }),
    ...(mechanism.parameters && { parameters }),
  };
  const out = mechanism.apply(q, k, v, options);
  const wanted: Readonly<Record<string, Tensor>> = {
    dq: q,
    dk: tensors.k,
    dv: v,
    ...Object.fromEntries(names.map((name) => [`gradient.${name}`, parameters[name] ?? q])),
  };
  const gradients = backpropagate([out], [dOut], Object.values(wanted));
  // What the output does not depend on has no gradient: zeros.
  const named = Object.fromEntries(
    Object.entries(wanted).map(([name, tensor], index) => [name, gradients[index] ?? mul(tensor, 0)]),
  );
  const feeds = Object.fromEntries(Object.entries(own).map(([name, array]) => [`parameters.${name}`, array]));
  return { outputs: { out, ...named }, feeds: { ...others, ...feeds } };
}

/** Output and gradients of Σ out·dOut, as the compiled graph gives them. */
export async function runMechanism(
  mechanism: AttentionMechanism,
  test: AttentionCase,
  arrays: Arrays,
  backend: Backend = createBackend(),
): Promise<Results> {
  const { outputs, feeds } = mechanismGraph(mechanism, test, arrays);
  await using run = await backend.compile({ outputs });
  const results = await run.run(feedsFor(run, feeds));
  const names = Object.keys(arrays.parameters ?? {});
  return {
    ...(results as Record<"out" | "dq" | "dk" | "dv", NdArray>), // the outputs compiled above
    parameters: Object.fromEntries(names.map((name) => [name, results[`gradient.${name}`] as NdArray])),
  };
}

/** Rows of one head of one sequence. */
function headOf({ shape, data }: NdArray, batch: number, head: number): number[][] {
  const [, H = 1, L = 1, D = 1] = shape;
  const start = (batch * H + head) * L * D;
  return Array.from({ length: L }, (_, t) => Array.from({ length: D }, (_, d) => Number(data[start + t * D + d])));
}

/** The same by the naive twin; gradients by central differences in float64 are taken by the caller where wanted. */
export function naiveOutput(twin: NaiveTwin, test: AttentionCase, arrays: Arrays): Float64Array {
  const { B, H, S, D } = test.sizes;
  const rows: number[] = [];
  for (let b = 0; b < B; b++) {
    const real = test.realKeys?.[b] ?? S;
    const keyMask = Array.from({ length: S }, (_, s) => s < real);
    for (let h = 0; h < H; h++) {
      const options = {
        causal: test.causal,
        keyMask,
        projection: matrixOf(arrays.projection, D, h),
        parameters: arrays.parameters ?? {},
        head: h,
      };
      const out = twin(headOf(arrays.q, b, h), headOf(arrays.k, b, h), headOf(arrays.v, b, h), options);
      rows.push(...out.flat());
    }
  }
  return Float64Array.from(rows);
}

/** The matrix of a head: its own of `[H, rows, width]`, or the one for all, `[rows, width]`. */
export function matrixOf(array: NdArray | undefined, width: number, head: number): number[][] {
  if (array === undefined) return [];
  const rows = array.shape.at(-2) ?? 0;
  const start = array.shape.length === 3 ? head * rows * width : 0;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_, column) => Number(array.data[start + row * width + column])),
  );
}

/** Largest difference over the largest entry of the expected values. */
export function relativeError(actual: ArrayLike<number | bigint>, expected: ArrayLike<number>): number {
  let largest = 1e-12;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? Number.NaN;
    largest = Math.max(largest, Math.abs(value));
    const each = Math.abs(Number(actual[i]) - value);
    if (!(each <= difference)) difference = each;
  }
  return actual.length === expected.length ? difference / largest : Number.POSITIVE_INFINITY;
}

/** The array of a name. */
export function arrayOf(arrays: Arrays, name: Differentiable): NdArray {
  if (name === "q" || name === "k" || name === "v") return arrays[name];
  const found = arrays.parameters?.[name.slice("parameters.".length)];
  if (found === undefined) throw new Error(`no array ${name}`);
  return found;
}

/** The arrays of a case with one of them replaced. */
export function withArray(arrays: Arrays, name: Differentiable, array: NdArray): Arrays {
  if (name === "q" || name === "k" || name === "v") return { ...arrays, [name]: array };
  return { ...arrays, parameters: { ...arrays.parameters, [name.slice("parameters.".length)]: array } };
}

/** Adds `step` times a direction to an array of the case, in float64. */
export function moved(array: NdArray, direction: Float64Array, step: number): NdArray {
  return {
    dtype: "float64",
    shape: array.shape,
    data: Float64Array.from(direction, (d, i) => Number(array.data[i]) + step * d),
  };
}
