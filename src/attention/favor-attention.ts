/** FAVOR+ on plain arrays in one call. */
import { createBackend } from "#engine";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { formatShape } from "../graph/shape.ts";
import { GraphError } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { createRandom } from "../random/index.ts";
import { mergeAxes, splitAxis, transpose } from "../ops/layout.ts";
import { input } from "../ops/source.ts";
import type { Backend } from "../runtime/backend.ts";
import { defaultNumFeatures } from "./favor/favor.ts";
import { formFor } from "./mechanism.ts";
import { mechanisms, type MechanismName } from "./mechanisms.ts";

/** An array with its sizes, as transformers.js and onnxruntime call them; their tensors fit as they are. */
export interface TensorLike {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/**
 * Queries, keys or values: `[length, numHeads·headDim]` or `[batch, length, numHeads·headDim]`, as a tensor with `dims`, as an
 * array of rows (one typed array a position), or as one flat Float32Array together with the option `headDim`.
 */
export type AttentionArray = TensorLike | NdArray | readonly ArrayLike<number>[] | Float32Array;

export interface FavorAttentionOptions {
  /** Must divide the width. Default 1. */
  readonly numHeads?: number;
  /** Position i sees positions ≤ i. Default false. */
  readonly causal?: boolean;
  /** Random features a head. Default round(headDim · ln headDim). More are slower and nearer to softmax. */
  readonly numFeatures?: number;
  /** Decides the random projection. Default 0. */
  readonly seed?: number;
  /** Default `favor`: approximates softmax attention. `favor-relu` and `exact` take the same arrays. */
  readonly mechanism?: MechanismName;
  /** Needed for flat arrays only. */
  readonly headDim?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

/** The attention output, row-major, sizes as the queries had them (the last one as the values). */
export interface AttentionOutput {
  readonly type: "float32";
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/**
 * Linear-time attention over arrays.
 *
 * Compiles a graph for the given sizes, runs it and frees it (some ten milliseconds beside the work itself). For repeated calls
 * build a graph of your own with `compile` and `mechanisms.favor.apply`.
 *
 * NaN or infinity in an array makes the outputs that see it NaN.
 *
 * @throws GraphError when sizes do not fit; the message names the array, the rule, what came, and the way out
 *
 * @example
 * const { data, dims } = await favorAttention({ q, k, v }, { numHeads: 8, causal: true, numFeatures: 256, seed: 7 });
 */
export async function favorAttention(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v: AttentionArray },
  options: FavorAttentionOptions = {},
): Promise<AttentionOutput> {
  checkOptions(options);
  const { numHeads = 1, causal = false, seed = 0, backend = createBackend() } = options;
  const mechanism = mechanisms[options.mechanism ?? "favor"];
  if (!Number.isInteger(numHeads) || numHeads < 1) {
    throw new GraphError(`favorAttention: numHeads must be a positive integer, got ${numHeads}; omit it for one head`);
  }
  const given = {
    q: toBatch("q", arrays.q, numHeads, options.headDim),
    k: toBatch("k", arrays.k, numHeads, options.headDim),
    v: toBatch("v", arrays.v, numHeads, options.headDim),
  };
  const headDim = (given.q.shape[2] ?? 0) / numHeads;
  const numFeatures = options.numFeatures ?? defaultNumFeatures(headDim);
  const drawn = mechanism.initialise(createRandom(seed, "projection"), { headDim, numFeatures });
  const heads = (name: "q" | "k" | "v") =>
    transpose(splitAxis(input(name, given[name].shape), 2, numHeads), [0, 2, 1, 3]);
  const attended = mechanism.apply(heads("q"), heads("k"), heads("v"), {
    causal,
    form: formFor(backend.device),
    ...(drawn && { projection: input("projection", drawn.projection.shape) }),
  });
  const out = mergeAxes(transpose(attended, [0, 2, 1, 3]), 2);
  const executable = await backend.compile({ outputs: { out } });
  try {
    const result = await executable.run({ ...given, ...drawn });
    const data = Float32Array.from(result["out"]?.data as Float32Array); // float32, or float64 from the reference backend
    return { type: "float32", data, dims: given.q.batched ? out.shape : out.shape.slice(1) };
  } finally {
    await executable.dispose();
  }
}

const optionNames = {
  numHeads: true,
  causal: true,
  numFeatures: true,
  seed: true,
  mechanism: true,
  headDim: true,
  backend: true,
} as const satisfies Record<keyof FavorAttentionOptions, true>;

/** What types do not catch in JavaScript and in options that come from a file. */
function checkOptions(options: FavorAttentionOptions): void {
  const names = Object.keys(optionNames);
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(optionNames, key));
  if (unknown !== undefined) {
    const near = nearestName(unknown, names);
    const fix = near === undefined ? `the options are ${names.join(", ")}` : `did you mean '${near}'?`;
    throw new GraphError(`favorAttention: '${unknown}' is not an option; ${fix}`);
  }
  const { mechanism } = options;
  if (mechanism !== undefined && !Object.hasOwn(mechanisms, mechanism)) {
    throw new GraphError(
      `favorAttention: mechanism must be among ${Object.keys(mechanisms).join(", ")}, got '${String(mechanism)}'; omit it for favor`,
    );
  }
}

type Batched = NdArray & { readonly batched: boolean };

function toBatch(name: string, array: AttentionArray, numHeads: number, headDim: number | undefined): Batched {
  const { data, shape } = sized(name, array, numHeads, headDim);
  const width = shape.at(-1) ?? 0;
  if ((shape.length !== 2 && shape.length !== 3) || shape.includes(0)) {
    throw new GraphError(
      `favorAttention: ${name} must have sizes [length, width] or [batch, length, width], got ${formatShape(shape)}; ` +
        "reshape it so that the heads lie side by side in the last axis",
    );
  }
  if (width % numHeads !== 0) {
    throw new GraphError(
      `favorAttention: the width of ${name} must be a multiple of numHeads ${numHeads}, got ${width}; change numHeads`,
    );
  }
  if (data.length !== shape.reduce((product, length) => product * length, 1)) {
    throw new GraphError(
      `favorAttention: ${name} must hold as many elements as its sizes ${formatShape(shape)} say, got ${data.length}`,
    );
  }
  const batched = shape.length === 3;
  return { ...ndarray(data, batched ? shape : [1, ...shape]), batched };
}

function sized(
  name: string,
  array: AttentionArray,
  numHeads: number,
  headDim: number | undefined,
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  if (array instanceof Float32Array) {
    if (headDim === undefined) {
      throw new GraphError(
        `favorAttention: a flat array must come with the option headDim, got none for ${name}; ` +
          "or give { data, dims: [length, width] }, or one array a position",
      );
    }
    if (!Number.isInteger(headDim) || headDim < 1) {
      throw new GraphError(
        `favorAttention: headDim must be a positive integer, got ${headDim}; it is the width of one head`,
      );
    }
    const width = numHeads * headDim;
    if (array.length % width !== 0) {
      throw new GraphError(
        `favorAttention: ${name} must hold a multiple of numHeads · headDim = ${width} elements, got ${array.length}; ` +
          "change headDim or numHeads",
      );
    }
    return { data: array, shape: [array.length / width, width] };
  }
  if (typeof array === "object" && array !== null && "data" in array) {
    const data = array.data instanceof Float32Array ? array.data : Float32Array.from(array.data, Number);
    return { data, shape: "dims" in array ? array.dims : array.shape };
  }
  if (!Array.isArray(array) || !array.every((row) => typeof row === "object" && row !== null && "length" in row)) {
    throw new GraphError(
      `favorAttention: ${name} must be an array of rows, { data, dims } or a flat Float32Array, got ${describe(array)}; ` +
        "give one array a position, or Float32Array.from(values) with the option headDim",
    );
  }
  const width = array[0]?.length ?? 0;
  if (array.some((row) => row.length !== width)) {
    throw new GraphError(`favorAttention: all rows of ${name} must have the same length, got ${width} and others`);
  }
  const data = new Float32Array(array.length * width);
  array.forEach((row, index) => data.set(Float32Array.from(row), index * width));
  return { data, shape: [array.length, width] };
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length} elements that are not all rows`;
  return typeof value === "object" && value !== null ? `a ${value.constructor.name}` : typeof value;
}
