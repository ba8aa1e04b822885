/** What the suites of the ops share: how a case is written, its values, and how results are compared. */
import { gradients } from "../../src/autodiff/gradients.ts";
import { fromFloat64, ndarray, toFloat64, type DType, type NdArray } from "../../src/graph/ndarray.ts";
import type { ReferenceArray } from "../../src/graph/op-rule.ts";
import { sizeOf, type Shape } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { add, mul } from "../../src/ops/elementwise.ts";
import { sum } from "../../src/ops/reduce.ts";
import { constant, full, input } from "../../src/ops/source.ts";
import { createRandom, type Random } from "../../src/random/generator.ts";
import { evaluate } from "../../src/runtime/reference.ts";

/** Largest difference over the largest entry of the expected array. */
export const TOLERANCE = {
  float32: { forward: 2e-6, gradient: 5e-6 },
  /** Shading languages allow exp, log, tanh and division more units in the last place than a CPU's library takes. */
  webgpu: { forward: 1e-5, gradient: 2e-5 },
  /** Central differences in float64; constants of a graph are rounded to float32, hence not 1e-10. */
  finiteDifferences: 1e-7,
} as const;

/** One input of a case: its type and how its values are drawn. */
export interface InputValues {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly draw: (random: Random, size: number) => Float64Array;
}

const each =
  (dtype: DType, draw: (random: Random) => number) =>
  (...shape: readonly number[]): InputValues => ({
    shape,
    dtype,
    draw: (random, size) => Float64Array.from({ length: size }, () => draw(random)),
  });

/** N(0, 1). */
export const normal = each("float32", (random) => random.normal());
/** Uniform in [0.5, 2). */
export const positive = each("float32", (random) => 0.5 + 1.5 * random.uniform());
/** Uniform in [0.3, 1.5) with a random sign: away from a kink or pole at 0. */
export const awayFromZero = each(
  "float32",
  (random) => (0.3 + 1.2 * random.uniform()) * (random.uniform() < 0.5 ? -1 : 1),
);
export const booleans = each("bool", (random) => random.integer(2));
export const integers = (limit: number, ...shape: readonly number[]) =>
  each("int32", (random) => random.integer(limit))(...shape);

/** A shuffle of evenly spaced numbers: no two entries tie or nearly tie. */
export function distinct(...shape: readonly number[]): InputValues {
  return {
    shape,
    dtype: "float32",
    draw: (random, size) => {
      const values = Float64Array.from({ length: size }, (_, index) => (index - size / 2 + 0.25) / 7);
      for (let i = size - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [values[i], values[j]] = [values[j] ?? 0, values[i] ?? 0];
      }
      return values;
    },
  };
}

/** The given values. */
export function given(values: readonly number[], shape: Shape, dtype: DType = "float32"): InputValues {
  return { shape, dtype, draw: () => Float64Array.from(values) };
}

export interface CaseOptions<Name extends string = string> {
  /** Inputs that the gradient is checked for; default: all of float32. */
  readonly differentiable?: readonly Name[];
  /** Why finite differences say nothing about the gradient here. */
  readonly noFiniteDifferences?: string;
  /** Looser tolerances, and why. */
  readonly tolerance?: { readonly forward?: number; readonly gradient?: number; readonly reason: string };
  /** Why the case does not run on WebGPU, or a tolerance there and why. */
  readonly webgpu?: string | { readonly tolerance: number; readonly reason: string };
}

/** One row of the table: a sentence, inputs, and a graph of them. */
export interface OpCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, InputValues>>;
  readonly build: (tensors: ReadonlyMap<string, Tensor>) => Tensor | readonly Tensor[];
  readonly options: CaseOptions;
}

export function opCase<Name extends string>(
  name: string,
  inputs: Readonly<Record<Name, InputValues>>,
  build: (tensors: Readonly<Record<Name, Tensor>>) => Tensor | readonly Tensor[],
  options: CaseOptions<NoInfer<Name>> = {},
): OpCase {
  return {
    name,
    inputs,
    // The map has the names of `inputs`.
    build: (tensors) => build(Object.fromEntries(tensors) as Record<Name, Tensor>),
    options,
  };
}

/** A case as a graph with values: its results, and the gradients of a random projection of them. */
interface PreparedCase {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly loss: Tensor;
  /** Float32 inputs by which the loss is differentiated, each with the name of its gradient among the outputs. */
  readonly differentiable: readonly (readonly [tensor: Tensor, output: string])[];
  readonly feeds: Readonly<Record<string, NdArray>>;
  readonly given: ReadonlyMap<Tensor, ReferenceArray>;
  readonly random: Random;
}

export function prepare({ inputs, build, options, name }: OpCase): PreparedCase {
  const random = createRandom(7, "ops", name);
  const tensors = new Map(Object.entries(inputs).map(([key, { shape, dtype }]) => [key, input(key, shape, dtype)]));
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([key, { shape, dtype, draw }]) => [
      key,
      fromFloat64(draw(random, sizeOf(shape)), shape, dtype),
    ]),
  );
  const values = new Map<Tensor, ReferenceArray>();
  for (const [key, tensor] of tensors) {
    const array = feeds[key];
    if (array !== undefined) values.set(tensor, { shape: array.shape, data: toFloat64(array) });
  }
  const built = build(tensors);
  const results = "node" in built ? [built] : built;
  const projections = results.filter(({ dtype }) => dtype === "float32").map((y) => sum(mul(y, randomLike(y, random))));
  const loss = projections.reduce((a, b) => add(a, b), full([], 0));
  const wanted = [...tensors].filter(
    ([key, { dtype }]) => options.differentiable?.includes(key) ?? dtype === "float32",
  );
  const gradientsOfInputs = gradients(
    loss,
    wanted.map(([, tensor]) => tensor),
  );
  return {
    outputs: {
      ...Object.fromEntries(results.map((y, index) => [`result ${index}`, y])),
      ...Object.fromEntries(wanted.map(([key], index) => [`gradient by ${key}`, gradientsOfInputs[index] ?? loss])),
    },
    loss,
    differentiable: wanted.map(([key, tensor]) => [tensor, `gradient by ${key}`]),
    feeds,
    given: values,
    random,
  };
}

function randomLike({ shape }: Tensor, random: Random): Tensor {
  return constant(
    ndarray(
      Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
      shape,
    ),
  );
}

/** The outputs whose names begin with a word, by the reference backend. */
export function referenceOutputs({ outputs, given: values }: PreparedCase, kind: string): Map<string, ReferenceArray> {
  const names = Object.keys(outputs).filter((name) => name.startsWith(kind));
  const results = evaluate(
    names.flatMap((name) => outputs[name] ?? []),
    values,
  );
  return new Map(
    names.flatMap((name, index) => {
      const result = results[index];
      return result === undefined ? [] : [[name, result]];
    }),
  );
}

/**
 * Largest difference over the largest expected entry (over 1 where all of them are 0); infinite where shapes differ.
 */
export function relativeError(actual: NdArray | undefined, expected: ReferenceArray): number {
  if (actual === undefined || actual.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  const values = toFloat64(actual);
  const scale = expected.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  return values.reduce((worst, value, index) => {
    const error = Math.abs(value - (expected.data[index] ?? Number.NaN)) / scale;
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }, 0);
}

/**
 * Compares a gradient with central differences of the loss along a random direction, in float64.
 *
 * @returns the difference over Σ |gradient · direction|, the size of what was added up
 */
export function finiteDifferenceError(prepared: PreparedCase, tensor: Tensor, gradient: ReferenceArray): number {
  const { loss, given: values, random } = prepared;
  const at = values.get(tensor)?.data ?? new Float64Array(0);
  const direction = Float64Array.from(at, () => random.normal());
  const step = 1e-5;
  const lossAt = (distance: number) => {
    const moved = at.map((value, index) => value + distance * (direction[index] ?? 0));
    const [result] = evaluate([loss], new Map(values).set(tensor, { shape: tensor.shape, data: moved }));
    return result?.data[0] ?? Number.NaN;
  };
  const expected = (lossAt(step) - lossAt(-step)) / (2 * step);
  let actual = 0;
  let size = 0;
  gradient.data.forEach((value, index) => {
    const term = value * (direction[index] ?? 0);
    actual += term;
    size += Math.abs(term);
  });
  return Math.abs(actual - expected) / (size || 1);
}
