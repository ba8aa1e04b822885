/** Attention over plain arrays: what favorAttention and attentionMatrix share. */
import { createBackend } from "#engine";
import { ndarray, toFloat32, type NdArray } from "../graph/ndarray.ts";
import { GraphError, problem } from "../graph/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sameShape, sizeOf, type Shape } from "../graph/shape.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { input } from "../ops/source.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import { readArray, type TensorLike } from "./arrays.ts";
import { readMask, type Batch, type KeyMask } from "./batch.ts";
import type { MechanismChoice } from "./choice.ts";
import { checkState } from "./favor/favor.ts";
import { checkNumFeatures, defaultNumFeatures, projectionNames } from "./favor/projections.ts";
import {
  formFor,
  projectionShapeOf,
  type AttentionMechanism,
  type AttentionOptions,
  type InitialParameter,
  type ParameterSizes,
  type ProjectionChoice,
} from "./mechanism.ts";
import { refuseUnknownOptions, requirePositiveInteger } from "../graph/arguments.ts";
import { requireBoolean, requireOneOf } from "./checks.ts";
import { joinHeads, splitHeads } from "./heads.ts";
import { findMechanism } from "./find-mechanism.ts";

/** An array with its sizes, or a matrix as rows. */
export type OwnArray = TensorLike | NdArray | readonly ArrayLike<number>[];

/** Frozen statistics by name, `[1, numHeads, 1, width]` each; arrays of numbers, as from JSON, will do. */
export type FrozenStatistics = Readonly<
  Record<string, { readonly data: ArrayLike<number | bigint>; readonly shape: readonly number[] }>
>;

/** Options of attention over plain arrays: `attention`, `favorAttention`, and their gradients. */
export interface ArrayAttentionOptions {
  /** Must divide the width. Default 1. */
  readonly numHeads?: number;
  /** Position i sees positions ≤ i. Default false. */
  readonly causal?: boolean;
  /**
   * Rows of the projection of a head; some maps give two features a row. Default round(headDim · ln headDim). More are
   * slower and nearer to softmax.
   */
  readonly numFeatures?: number;
  /** Decides the random projection. Default 0. */
  readonly seed?: number;
  /**
   * What computes: a name of the table `mechanisms`, a name with options (`{ name: "local", window: 8 }`), mechanisms
   * for some of the heads each (`{ heads: […] }`), or a mechanism of your own, such as `favorMechanism(map)`. Default
   * `favor`: approximates softmax attention.
   */
  readonly mechanism?: MechanismChoice | AttentionMechanism;
  /**
   * How the projection is drawn, or your own: rows `[numFeatures, headDim]`, or `[numHeads, numFeatures, headDim]`.
   * Default: what the mechanism is meant for, orthogonal rows for most; `none`: no projection.
   */
  readonly projection?: NonNullable<ProjectionChoice["kind"]> | OwnArray;
  /**
   * The mechanism's trained arrays by name, such as `centroids` of `routing`; `mechanism.parameters` of the table says
   * which, and their shapes. Default: drawn by the seed, as in a model before training.
   */
  readonly parameters?: Readonly<Record<string, OwnArray>>;
  /** Lengths of the projection's rows. Default: what the mechanism is meant for, `chi` for most. */
  readonly projectionLengths?: NonNullable<ProjectionChoice["rowLengths"]>;
  /** A projection of its own for every head. Default false. */
  readonly projectionPerHead?: boolean;
  /** Which keys are real. Default: all. A query without any real key gets 0 (with `exact`: the mean of the values). */
  readonly keyMask?: KeyMask;
  /**
   * Which queries are real, for mechanisms that measure whole sequences; others do not read it. Default: as the keys,
   * where there are as many queries as keys, else all.
   */
  readonly queryMask?: KeyMask;
  /** Frozen statistics (`measureStatistics`), which mechanisms that measure the whole sequence need to be causal. */
  readonly statistics?: FrozenStatistics;
  /** Needed for flat arrays only. */
  readonly headDim?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

/** Longer than any window. */
const LONGEST = 2 ** 40;

/** The names of all options. */
export const attentionOptionNames = Object.keys({
  numHeads: true,
  causal: true,
  numFeatures: true,
  seed: true,
  mechanism: true,
  projection: true,
  projectionLengths: true,
  projectionPerHead: true,
  parameters: true,
  keyMask: true,
  queryMask: true,
  statistics: true,
  headDim: true,
  backend: true,
} satisfies Record<keyof ArrayAttentionOptions, true>);

export interface CheckedOptions {
  readonly mechanism: AttentionMechanism;
  readonly numHeads: number;
  readonly causal: boolean;
}

/** @throws GraphError for options of unknown names or wrong types */
export function checkOptions(
  who: string,
  options: ArrayAttentionOptions,
  names: readonly string[] = attentionOptionNames,
): CheckedOptions {
  refuseUnknownOptions(who, options, names, GraphError);
  const { numHeads = 1, causal = false, projectionPerHead = false } = options;
  const mechanism = findMechanism(who, options.mechanism ?? "favor");
  requirePositiveInteger(who, "numHeads", numHeads, "omit it for one head", GraphError);
  requireBoolean(who, "causal", causal);
  requireBoolean(who, "projectionPerHead", projectionPerHead);
  if (typeof options.projection === "string") requireOneOf(who, "projection", options.projection, projectionNames);
  if (options.projectionLengths !== undefined) {
    requireOneOf(who, "projectionLengths", options.projectionLengths, ["chi", "sqrt"]);
  }
  return { mechanism, numHeads, causal };
}

/** Queries, keys and values that belong together. */
export interface AttentionBatches {
  readonly q: Batch;
  readonly k: Batch;
  readonly v: Batch;
}

/** Everything that attention needs in addition to queries, keys and values. */
export interface PreparedAttention extends CheckedOptions {
  readonly backend: Backend;
  /** The mechanism's options, with tensors for all arrays. */
  readonly options: AttentionOptions;
  /** The arrays, by the names of their inputs. */
  readonly feeds: Readonly<Record<string, NdArray | undefined>>;
}

/**
 * Draws what the mechanism needs and reads masks and statistics.
 *
 * @throws GraphError for masks and statistics that do not fit, and for too many features
 */
export function prepareAttention(
  who: string,
  batches: AttentionBatches,
  options: ArrayAttentionOptions,
): PreparedAttention {
  const { mechanism, numHeads, causal } = checkOptions(who, options);
  const { seed = 0, backend = createBackend() } = options;
  const [B, S] = batches.k.shape;
  const headDim = batches.q.shape[2] / numHeads;
  const maxSeqLen = Math.max(S, batches.q.shape[1]);
  const cross = S !== batches.q.shape[1];
  const refuse = (length: number) => mechanism.refuse?.({ causal, cross, maxSeqLen: length, numHeads, headDim });
  // A window that is longer than the sequence is no mistake here: it sees everything.
  const refusal = refuse(LONGEST) && refuse(maxSeqLen);
  if (refusal !== undefined) throw new GraphError(problem`${who}: ${refusal.rule}, got ${refusal.got}; ${refusal.fix}`);
  const own = readProjection(who, options, [numHeads, headDim]);
  const numFeatures = own?.shape.at(-2) ?? options.numFeatures ?? defaultNumFeatures(headDim);
  checkNumFeatures(who, headDim, numFeatures);
  // Before anything is drawn: a projection too large takes minutes.
  const kind = typeof options.projection === "string" ? options.projection : undefined;
  const rows = kind === "none" ? headDim : numFeatures;
  if (mechanism.map) checkState(mechanism.map, [B, numHeads, S, batches.v.shape[2] / numHeads], rows);
  const projection = {
    ...(kind && { kind }),
    ...(options.projectionLengths && { rowLengths: options.projectionLengths }),
    perHead: own?.shape.length === 3 || (options.projectionPerHead ?? false),
  };
  const sizes = { headDim, numFeatures, numHeads, projection };
  if (own !== undefined) checkProjection(who, mechanism, own, projectionShapeOf(mechanism, sizes));
  const drawn = own === undefined ? mechanism.initialise(createRandom(seed, "projection"), sizes) : { projection: own };
  const parameters = readParameters(who, mechanism, options, { numHeads, headDim, maxSeqLen });
  const masks = readMasks(who, batches, options);
  const statistics = options.statistics && readStatistics(who, mechanism, options.statistics, [numHeads, headDim]);
  return {
    mechanism,
    numHeads,
    causal,
    backend,
    options: {
      causal,
      form: formFor(backend.device),
      ...(drawn && { projection: input("projection", drawn.projection.shape) }),
      ...inputsFor(masks),
      ...(statistics && { statistics: inputsFor(statistics) }),
      ...(parameters && { parameters: inputsFor(parameters) }),
    },
    feeds: { ...drawn, ...masks, ...statistics, ...parameters },
  };
}

/**
 * Compiles a graph for the sizes, runs it and frees it.
 *
 * @returns `[B, L, H·E]`
 * @throws GraphError as `prepareAttention`, and for outputs that are not finite
 */
export async function attend(
  who: string,
  batches: AttentionBatches,
  given: ArrayAttentionOptions,
): Promise<{ readonly data: Float32Array; readonly shape: readonly number[]; readonly mechanism: string }> {
  const prepared = prepareAttention(who, batches, given);
  const { mechanism, numHeads, backend, options, feeds } = prepared;
  const { q, k, v } = batches;
  const attended = mechanism.apply(
    headsOf("q", q, numHeads),
    headsOf("k", k, numHeads),
    headsOf("v", v, numHeads),
    options,
  );
  const out = joinHeads(attended);
  const result = await runOnce(backend, { out }, { ...batches, ...feeds });
  const data = toFloat32(result["out"] as NdArray);
  checkFinite(who, data, mechanism);
  return { data, shape: out.shape, mechanism: takenMechanism(prepared, k.shape[1]) };
}

/** The name of what computes: for mechanisms that choose, what they take. */
export function takenMechanism({ mechanism, options }: PreparedAttention, numKeys: number): string {
  const numFeatures = options.projection?.shape.at(-2) ?? 0;
  return mechanism.choose?.({ causal: options.causal, numKeys, numFeatures }) ?? mechanism.name;
}

/** Both masks as arrays; queries are masked as keys where one sequence attends to itself, as far as sizes tell. */
export function readMasks(
  who: string,
  { q, k }: { readonly q: Batch; readonly k: Batch },
  { keyMask, queryMask }: Pick<ArrayAttentionOptions, "keyMask" | "queryMask">,
): { readonly keyMask?: NdArray; readonly queryMask?: NdArray } {
  const sizes = ({ shape: [batch, length] }: Batch) => [batch, length] as const;
  const ofQueries = queryMask ?? (q.shape[1] === k.shape[1] ? keyMask : undefined);
  return {
    ...(keyMask && { keyMask: readMask(who, "keyMask", keyMask, sizes(k)) }),
    ...(ofQueries && { queryMask: readMask(who, "queryMask", ofQueries, sizes(q)) }),
  };
}

/** Each array as an input of the graph, by its name. */
export function inputsFor<Arrays extends { readonly [name: string]: NdArray | undefined }>(
  arrays: Arrays,
): { readonly [Name in keyof Arrays]: Tensor } {
  const entries = Object.entries(arrays).flatMap(([name, array]) =>
    array === undefined ? [] : [[name, input(name, array.shape)] as const],
  );
  return Object.fromEntries(entries) as { readonly [Name in keyof Arrays]: Tensor }; // the names that were given
}

/** An input `[B, L, H·D]` as `[B, H, L, D]`. */
export function headsOf(name: string, { shape }: Batch, numHeads: number): Tensor {
  return splitHeads(input(name, shape), numHeads);
}

/** Compiles, runs with those of the arrays that the graph reads, and frees. */
export async function runOnce(
  backend: Backend,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, NdArray | undefined>>,
): Promise<Record<string, NdArray>> {
  const executable = await backend.compile({ outputs });
  try {
    return await executable.run(feedsFor(executable, feeds));
  } finally {
    await executable.dispose();
  }
}

/** A projection of the caller's own; undefined where it is to be drawn. */
function readProjection(
  who: string,
  { projection, numFeatures, projectionLengths }: ArrayAttentionOptions,
  [numHeads, headDim]: readonly [number, number],
): NdArray | undefined {
  if (projection === undefined || typeof projection === "string") return undefined;
  const own = readOwn(who, "projection", projection);
  const [rows = 0, width] = own.shape.slice(-2);
  const isFitting =
    rows > 0 && width === headDim && (own.shape.length === 2 || (own.shape.length === 3 && own.shape[0] === numHeads));
  if (!isFitting) {
    throw new GraphError(
      problem`${who}: projection must have sizes [numFeatures, ${headDim}] or [${numHeads}, numFeatures, ${headDim}],
      got [${own.shape.join(" ")}]; give rows as long as a head is wide`,
    );
  }
  const other = numFeatures !== undefined && numFeatures !== rows ? `numFeatures ${numFeatures}` : undefined;
  const beside = other ?? (projectionLengths && `projectionLengths '${projectionLengths}'`);
  if (beside === undefined) return own;
  throw new GraphError(
    problem`${who}: a projection of your own must stand alone, got ${rows} rows and ${beside}; leave the latter out`,
  );
}

/** @throws GraphError where the mechanism has no projection, or one of other sizes */
function checkProjection(who: string, { name }: AttentionMechanism, own: NdArray, shape: Shape | undefined): void {
  if (shape === undefined) {
    throw new GraphError(
      problem`${who}: projection must come with a mechanism that has one, got one for '${name}'; leave it out, or use
      'favor'`,
    );
  }
  if (sameShape(shape, own.shape)) return;
  throw new GraphError(
    problem`${who}: projection of '${name}' must have sizes [${shape.join(" ")}], got [${own.shape.join(" ")}]; draw it
    with drawProjection`,
  );
}

/** The arrays that a mechanism trains: the caller's, or those of a model before training. */
function readParameters(
  who: string,
  mechanism: AttentionMechanism,
  { parameters: given = {}, seed = 0 }: ArrayAttentionOptions,
  sizes: ParameterSizes,
): Readonly<Record<string, NdArray>> | undefined {
  const wanted = mechanism.parameters?.(sizes) ?? {};
  const names = Object.keys(wanted);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const fix = names.length === 0 ? "it has none: leave parameters out" : `it has ${names.join(", ")}`;
    throw new GraphError(problem`${who}: parameters of '${mechanism.name}' must be its own, got '${unknown}'; ${fix}`);
  }
  if (names.length === 0) return undefined;
  const read = (name: string, { shape, init }: InitialParameter): NdArray => {
    const own = given[name];
    if (own === undefined) {
      const values = new Float32Array(sizeOf(shape));
      if ("value" in init) return ndarray(values.fill(init.value), shape);
      return ndarray(fillNormal(createRandom(seed, "parameters", name), values, init.std), shape);
    }
    const array = readOwn(who, name, own);
    if (sameShape(array.shape, shape)) return array;
    throw new GraphError(
      problem`${who}: parameter '${name}' of '${mechanism.name}' must have sizes [${shape.join(" ")}], got
      [${array.shape.join(" ")}]; transpose or cut it`,
    );
  };
  return Object.fromEntries(Object.entries(wanted).map(([name, initial]) => [name, read(name, initial)]));
}

/** An array with finite numbers. */
function readOwn(who: string, name: string, array: OwnArray): NdArray {
  const { data, shape } = readArray(who, name, array, () => 0);
  const wrong = data.find((value) => !Number.isFinite(value));
  if (wrong === undefined && data.length === sizeOf(shape)) return ndarray(data, shape);
  const got = wrong === undefined ? `${data.length} for [${shape.join(" ")}]` : `${wrong}`;
  throw new GraphError(
    problem`${who}: ${name} must hold finite numbers, as many as its sizes say, got ${got}; check it`,
  );
}

function readStatistics(
  who: string,
  { name, statistics }: AttentionMechanism,
  given: FrozenStatistics,
  [numHeads, headDim]: readonly [number, number],
): Record<string, NdArray> {
  const widths = Object.entries(statistics?.widths(headDim) ?? {});
  const names = widths.map(([key]) => key);
  const unknown = Object.keys(given).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    const fix = names.length === 0 ? "it needs none: leave statistics out" : `it reads ${names.join(", ")}`;
    throw new GraphError(problem`${who}: statistics of '${name}' must hold what it reads, got '${unknown}'; ${fix}`);
  }
  return Object.fromEntries(
    widths.map(([key, width]) => {
      const { shape = [], data = [] } = given[key] ?? {};
      const sizes = [1, numHeads, 1, width];
      const values = Float32Array.from(data, Number);
      const fits = shape.join() === sizes.join() && values.length === numHeads * width;
      if (fits && values.every((value) => value >= 0 && value < Infinity)) return [key, ndarray(values, sizes)];
      const got = given[key] === undefined ? "nothing" : `[${shape.join(" ")}] with ${values.length} numbers`;
      throw new GraphError(
        problem`${who}: statistics of '${name}' must hold '${key}' of sizes [${sizes.join(" ")}], finite and not
        negative, got ${got}; measure them with measureStatistics for the same heads, and write typed arrays to JSON
        with Array.from`,
      );
    }),
  );
}

/**
 * What finite inputs can still come to: features of a user's function that overflow, or sums of features that cancel to
 * 0.
 */
export function checkFinite(who: string, out: Float32Array, { name, map }: AttentionMechanism): void {
  const wrong = out.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const fix =
    map?.positive === false
      ? "its features can be negative, so that denominators vanish: use a map of positive features such as 'favor'"
      : "queries, keys or values are too large for float32, or the map's function overflows: scale them down";
  throw new GraphError(problem`${who}: the output of '${name}' must be finite, got ${out[wrong]}; ${fix}`);
}
