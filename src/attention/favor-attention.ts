/** FAVOR+ on plain arrays in one call. */
import { createBackend } from "#engine";
import type { NdArray } from "../graph/ndarray.ts";
import { GraphError } from "../graph/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { createRandom } from "../random/index.ts";
import { mergeAxes, splitAxis, transpose } from "../ops/layout.ts";
import { input } from "../ops/source.ts";
import type { Backend } from "../runtime/backend.ts";
import type { AttentionArray } from "./arrays.ts";
import { readBatch, readKeyMask, type Batch, type KeyMask } from "./batch.ts";
import { checkState } from "./favor/favor.ts";
import { defaultNumFeatures, type ProjectionChoice } from "./favor/projections.ts";
import { formFor, type AttentionMechanism } from "./mechanism.ts";
import type { MechanismName } from "./mechanisms.ts";
import { findMechanism, refuseUnknownOptions, requirePositiveInteger } from "./options.ts";

export type { AttentionArray, TensorLike } from "./arrays.ts";
export type { KeyMask } from "./batch.ts";

export interface FavorAttentionOptions {
  /** Must divide the width. Default 1. */
  readonly numHeads?: number;
  /** Position i sees positions ≤ i. Default false. */
  readonly causal?: boolean;
  /** Rows of the projection, random features a head. Default round(headDim · ln headDim). More are slower and nearer to softmax. */
  readonly numFeatures?: number;
  /** Decides the random projection. Default 0. */
  readonly seed?: number;
  /** Default `favor`: approximates softmax attention. A name of the table `mechanisms`, or `favorMechanism` of a map of your own. */
  readonly mechanism?: MechanismName | AttentionMechanism;
  /** How the projection is drawn. Default: what the mechanism is meant for, orthogonal rows for most; `none`: no projection. */
  readonly projection?: NonNullable<ProjectionChoice["kind"]>;
  /** Lengths of the projection's rows. Default: what the mechanism is meant for, `chi` for most. */
  readonly projectionLengths?: NonNullable<ProjectionChoice["rowLengths"]>;
  /** A projection of its own for every head. Default false. */
  readonly projectionPerHead?: boolean;
  /** Which keys are real. Default: all. A query without any real key gets 0 (with `exact`: the mean of the values). */
  readonly keyMask?: KeyMask;
  /** Frozen statistics (`measureStatistics`), which mechanisms that measure the whole sequence need to be causal. */
  readonly statistics?: Readonly<Record<string, NdArray>>;
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
 * Any norms are safe: nothing overflows. Where float32 has no digits left, because no feature is large for both a query and any key
 * (norms of some ten and more with few features), outputs shrink towards 0; `diagnose` tells such data beforehand.
 *
 * @throws GraphError when sizes do not fit, a number is not finite, or the output would not be; the message names the array, the
 * rule, what came, and the way out
 *
 * @example
 * const { data, dims } = await favorAttention({ q, k, v }, { numHeads: 8, causal: true, numFeatures: 256, seed: 7 });
 */
export async function favorAttention(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray; readonly v: AttentionArray },
  options: FavorAttentionOptions = {},
): Promise<AttentionOutput> {
  refuseUnknownOptions("favorAttention", options, Object.keys(optionNames));
  const mechanism = findMechanism("favorAttention", options.mechanism ?? "favor");
  const { numHeads = 1, causal = false, seed = 0, backend = createBackend() } = options;
  requirePositiveInteger("favorAttention", "numHeads", numHeads);
  const layout = { numHeads, headDim: options.headDim };
  const batches = {
    q: readBatch("favorAttention", "q", arrays.q, layout),
    k: readBatch("favorAttention", "k", arrays.k, layout),
    v: readBatch("favorAttention", "v", arrays.v, layout),
  };
  const [B, S] = batches.k.shape;
  const keyMask = options.keyMask && readKeyMask("favorAttention", options.keyMask, [B, S]);
  const headDim = batches.q.shape[2] / numHeads;
  const numFeatures = options.numFeatures ?? defaultNumFeatures(headDim);
  // Before anything is drawn: a projection too large takes minutes.
  if (mechanism.map) checkState(mechanism.map, [B, numHeads, S, batches.v.shape[2] / numHeads], numFeatures);
  const projection = {
    ...(options.projection && { kind: options.projection }),
    ...(options.projectionLengths && { rowLengths: options.projectionLengths }),
    perHead: options.projectionPerHead ?? false,
  };
  const drawn = mechanism.initialise(createRandom(seed, "projection"), { headDim, numFeatures, numHeads, projection });
  const feeds = { ...batches, ...drawn, ...(keyMask && { keyMask }), ...options.statistics };
  const attended = mechanism.apply(
    headsOf("q", batches.q, numHeads),
    headsOf("k", batches.k, numHeads),
    headsOf("v", batches.v, numHeads),
    {
      causal,
      form: formFor(backend.device),
      ...(drawn && { projection: input("projection", drawn.projection.shape) }),
      ...(keyMask && { keyMask: input("keyMask", keyMask.shape) }),
      ...(options.statistics && { statistics: statisticInputs(mechanism, options.statistics, [numHeads, headDim]) }),
    },
  );
  const out = mergeAxes(transpose(attended, [0, 2, 1, 3]), 2);
  const result = await runOnce(backend, { out }, feeds);
  const data = Float32Array.from(result["out"]?.data as Float32Array); // float32, or float64 from the reference backend
  checkFinite(data, mechanism);
  return { type: "float32", data, dims: batches.q.batched ? out.shape : out.shape.slice(1) };
}

const statisticsOptionNames = { numHeads: true, mechanism: true, headDim: true, keyMask: true, backend: true } as const;

/**
 * Measures what a mechanism must know about whole sequences, over a batch of examples, to be given as `statistics` afterwards:
 * frozen, they make causal attention possible, and attention independent of what else stands in a sequence.
 *
 * @returns by name, `[1, numHeads, 1, width]`: the mean over the batch; empty for mechanisms that need none
 */
export async function measureStatistics(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray },
  options: Pick<FavorAttentionOptions, keyof typeof statisticsOptionNames>,
): Promise<Record<string, NdArray>> {
  refuseUnknownOptions("measureStatistics", options, Object.keys(statisticsOptionNames));
  const mechanism = findMechanism("measureStatistics", options.mechanism ?? "favor");
  const { numHeads = 1, backend = createBackend() } = options;
  requirePositiveInteger("measureStatistics", "numHeads", numHeads);
  const layout = { numHeads, headDim: options.headDim };
  const q = readBatch("measureStatistics", "q", arrays.q, layout);
  const k = readBatch("measureStatistics", "k", arrays.k, layout);
  const keyMask = options.keyMask && readKeyMask("measureStatistics", options.keyMask, [k.shape[0], k.shape[1]]);
  const masks = keyMask ? { keyMask: input("keyMask", keyMask.shape) } : {};
  const measured = mechanism.statistics?.measure(headsOf("q", q, numHeads), headsOf("k", k, numHeads), masks) ?? {};
  if (Object.keys(measured).length === 0) return {};
  const results = await runOnce(backend, measured, { q, k, ...(keyMask && { keyMask }) });
  return Object.fromEntries(Object.entries(results).map(([name, array]) => [name, meanOverBatch(array)]));
}

/** `[B, L, H·D]` → `[B, H, L, D]`. */
function headsOf(name: string, { shape }: Batch, numHeads: number): Tensor {
  return transpose(splitAxis(input(name, shape), 2, numHeads), [0, 2, 1, 3]);
}

async function runOnce(
  backend: Backend,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, NdArray>>,
): Promise<Record<string, NdArray>> {
  const executable = await backend.compile({ outputs });
  try {
    return await executable.run(
      Object.fromEntries(Object.entries(feeds).filter(([name]) => name in executable.inputs)),
    );
  } finally {
    await executable.dispose();
  }
}

/** `[B, H, 1, W]` → `[1, H, 1, W]`. */
function meanOverBatch({ shape, data }: NdArray): NdArray {
  const [batch = 1, H = 1, , W = 1] = shape;
  const mean = new Float32Array(H * W);
  data.forEach((value, index) => {
    const at = index % mean.length;
    mean[at] = (mean[at] ?? 0) + Number(value) / batch;
  });
  return { dtype: "float32", shape: [1, H, 1, W], data: mean };
}

/** Frozen statistics as inputs of the graph, under the names of their arrays. */
function statisticInputs(
  { name, statistics }: AttentionMechanism,
  given: Readonly<Record<string, NdArray>>,
  [numHeads, headDim]: readonly [number, number],
): Record<string, Tensor> {
  const widths = Object.entries(statistics?.widths(headDim) ?? {});
  return Object.fromEntries(
    widths.map(([key, width]) => {
      const { shape } = given[key] ?? { shape: [] };
      if (shape.join() === [1, numHeads, 1, width].join()) return [key, input(key, shape)];
      throw new GraphError(
        `favorAttention: statistics of '${name}' must hold '${key}' of sizes [1 ${numHeads} 1 ${width}], ` +
          `got ${given[key] ? `[${shape.join(" ")}]` : "nothing"}; measure them with measureStatistics for the same heads`,
      );
    }),
  );
}

/** What finite inputs can still come to: features of a user's function that overflow, or sums of features that cancel to 0. */
function checkFinite(out: Float32Array, { name, map }: AttentionMechanism): void {
  const wrong = out.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const fix =
    map?.positive === false
      ? "its features can be negative, so that denominators vanish: use a map of positive features such as 'favor'"
      : "queries, keys or values are too large for float32, or the map's function overflows: scale them down";
  throw new GraphError(`favorAttention: the output of '${name}' must be finite, got ${out[wrong]}; ${fix}`);
}

const optionNames = {
  numHeads: true,
  causal: true,
  numFeatures: true,
  seed: true,
  mechanism: true,
  projection: true,
  projectionLengths: true,
  projectionPerHead: true,
  keyMask: true,
  statistics: true,
  headDim: true,
  backend: true,
} as const satisfies Record<keyof FavorAttentionOptions, true>;
