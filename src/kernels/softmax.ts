/** A softmax over many items whose normaliser costs the same however many they are. */
import { problem } from "../graph/errors.ts";
import type { AttentionArray } from "../attention/arrays.ts";
import type { FeatureMap } from "../attention/feature-map.ts";
import { featureMaps, type FeatureMapName } from "../attention/favor/maps/index.ts";
import { defaultNumFeatures, drawProjection } from "../attention/favor/projections.ts";
import { createRandom, type ProjectionName } from "../random/index.ts";
import type { Backend } from "../runtime/backend.ts";
import {
  checkNames,
  checkNumFeatures,
  checkProjection,
  checkWidths,
  lookUp,
  readRows,
  scaleRows,
  type Rows,
} from "./arguments.ts";
import { KernelError } from "./errors.ts";
import { createItemTable } from "./item-table.ts";
import { compileLogFeatures, measureOnRows, ROWS_PER_BLOCK } from "./log-features.ts";
import { createQueries, type RowNormalizer, type Normalizers, type SoftmaxRow, type SoftmaxScores } from "./queries.ts";
import type { SampledItems } from "./sample-items.ts";

export interface SoftmaxOptions {
  /**
   * Rows of the projection. Default round(width · ln width). The error falls with its root; time and memory grow with
   * it.
   */
  readonly numFeatures?: number;
  /**
   * A positive map of the softmax kernel, by name or your own. Default `positive`. `optimal` (FAVOR++), `rescaled` and
   * `saderf` have less variance for single items, and sometimes for the sum of many: compare `relativeErrors`. They
   * need `sampleQueries`.
   */
  readonly featureMap?: FeatureMapName | FeatureMap;
  /**
   * Queries like those to come, for maps that measure: their statistics are measured on these and all items, and
   * frozen.
   */
  readonly sampleQueries?: AttentionArray;
  /** τ in exp(q·k/τ). Default 1. */
  readonly temperature?: number;
  /** Decides the random projection, and the draws unless they get a seed of their own. Default 0. */
  readonly seed?: number;
  /** Default: what the map is meant for, orthogonal rows for most. */
  readonly projection?: ProjectionName;
  /** The width of an item; needed for flat arrays only. */
  readonly width?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

/**
 * The softmax over items: p_i(q) = exp(q·k_i/τ) / Z(q), Z(q) = Σ_j exp(q·k_j/τ). M' counts features, N items, D their
 * width.
 */
export interface Softmax extends AsyncDisposable {
  readonly numItems: number;
  readonly width: number;
  /** Bytes held: the items, the projection and the sums of features. */
  readonly sizeBytes: number;
  /** Bytes that one item more takes on average: 4 D + 8 M'/128. */
  readonly bytesPerItem: number;
  /**
   * log Ẑ(q), Ẑ(q) = φ(q)·Σ_i φ(k_i), for queries `[Q, D]`: O(M · D) a query, whatever N. Ẑ is unbiased over seeds.
   *
   * @throws KernelError for queries of another width, NaN and infinity, and normalisers that float32 features cannot
   *   give
   */
  readonly logNormalizers: (queries: AttentionArray) => Promise<Normalizers>;
  /** log Z(q) exactly, in float64: O(N · D) a query. What the estimate is compared with. */
  readonly exactLogNormalizers: (queries: AttentionArray) => Float64Array;
  /**
   * exp(q·k_i/τ) / Ẑ(q) for the chosen items, the same for all queries: O(M · D + I · D) a query. Exact numerators over
   * an estimated normaliser: ratios between items are exact, and a score may exceed 1.
   *
   * @param itemIndices `[I]`, from 0 to numItems − 1
   * @throws KernelError for an index out of range, and scores beyond float32
   */
  readonly scores: (queries: AttentionArray, itemIndices: ArrayLike<number>) => Promise<SoftmaxScores>;
  /**
   * Draws items with replacement from the approximated softmax p̂_i(q) = φ(q)·φ(k_i) / Ẑ(q): O(M + log N) a draw, and
   * O(M · D) for each of the 128 items of a block that any draw falls into. Each comes with its p̂: weights
   * exp(q·k_i/τ) / p̂_i make any mean over draws one of the exact softmax.
   *
   * @param count draws for each query
   * @param seed default: that of the softmax. Same queries, count and seed, same draws
   * @throws KernelError for a count that is no positive integer, and as logNormalizers
   */
  readonly sample: (queries: AttentionArray, count: number, seed?: number) => Promise<SampledItems>;
  /**
   * The row of all items for one query, O(N · D) with either normaliser, because its numerators are exact: `estimated`
   * exp(q·k_i/τ) / Ẑ(q), the numbers that `scores` gives, which sum to Z/Ẑ; `exact` the softmax itself, which sums to 1
   * and costs one more pass over N numbers.
   *
   * @param normalizer default `estimated`
   */
  readonly row: (query: ArrayLike<number>, normalizer?: RowNormalizer) => Promise<SoftmaxRow>;
  /** Frees the compiled graphs. Also by `await using`. */
  readonly dispose: () => Promise<void>;
}

const optionNames = {
  numFeatures: true,
  featureMap: true,
  sampleQueries: true,
  temperature: true,
  seed: true,
  projection: true,
  width: true,
  backend: true,
} as const satisfies Record<keyof SoftmaxOptions, true>;

/**
 * Reads the items once, O(N · M · D), and answers for any query afterwards.
 *
 * How near Ẑ comes is decided by lengths: a term's relative variance is (exp(‖q + k‖²/τ) − 1)/numFeatures with positive
 * features. Where the temperature is low, most seeds underestimate Ẑ by far and a few overestimate it further;
 * `relativeErrors` beside the normalisers warn of it. Then: a higher temperature, more features, or the exact row.
 *
 * @param items `[N, D]`, in any of the forms of attention; copied
 * @throws KernelError for no items, NaN and infinity, a temperature that is not above 0, numFeatures below 1 or too
 *   large, and maps
 * that are not positive or estimate another kernel
 *
 * @example
 * await using softmax = await createSoftmax({ data, dims: [100_000, 64] }, { numFeatures: 256, temperature: 0.5, seed:
 * 7 }); const { indices, probabilities } = await softmax.sample({ data: queries, dims: [10, 64] }, 20);
 */
export async function createSoftmax(items: AttentionArray, options: SoftmaxOptions = {}): Promise<Softmax> {
  const who = "createSoftmax";
  checkNames(who, options, optionNames);
  const { temperature = 1, seed = 0, projection: kind, backend } = options;
  if (!(Number.isFinite(temperature) && temperature > 0)) {
    throw new KernelError(
      problem`${who}: temperature must be a number above 0, got ${temperature}; 1 is the plain softmax`,
    );
  }
  checkProjection(who, kind);
  const map = positiveSoftmaxMap(who, options.featureMap);
  // Both sides are divided by √τ, so that the kernel between them is exp(q·k/τ).
  const scale = temperature ** -0.5;
  const rows = scaleRows(who, "items", readRows(who, "items", items, options.width), scale);
  const { width } = rows;
  const numFeatures = options.numFeatures ?? defaultNumFeatures(width);
  checkNumFeatures(who, map, numFeatures, { width, numRows: Math.max(ROWS_PER_BLOCK, rows.length / ROWS_PER_BLOCK) });
  const samples = sampleRows(who, map, options.sampleQueries, width, scale);
  const statistics = samples ? await measureOnRows(map, samples, rows, backend) : {};
  const sizes = { headDim: width, numFeatures };
  const projection = drawProjection(map, createRandom(seed, "projection"), sizes, kind && { kind });
  const features = await compileLogFeatures({ map, projection, statistics, backend });
  try {
    const table = await createItemTable(rows, map.featuresPerRow * numFeatures, features);
    const bytes = [table.items.data, table.logSums, table.shares, projection.data];
    return {
      numItems: rows.length,
      width,
      sizeBytes: bytes.reduce((total, { byteLength }) => total + byteLength, 0),
      bytesPerItem: 4 * width + (8 * table.numFeatures) / ROWS_PER_BLOCK,
      ...createQueries({ table, features, scale, seed, normaliser: map.normaliser(numFeatures), numRows: numFeatures }),
      dispose: features.dispose,
      [Symbol.asyncDispose]: features.dispose,
    };
  } catch (error) {
    await features.dispose();
    throw error;
  }
}

function positiveSoftmaxMap(who: string, asked: FeatureMapName | FeatureMap = "positive"): FeatureMap {
  const map = typeof asked === "string" ? lookUp<FeatureMap>(who, "featureMap", featureMaps, asked) : asked;
  if (map.kernel === "softmax" && map.positive) return map;
  const got = map.kernel === "softmax" ? "whose features can be negative" : "which estimates another kernel";
  throw new KernelError(
    problem`${who}: featureMap must be positive and estimate the softmax kernel, got '${map.name}', ${got}; omit it for
    'positive'`,
  );
}

/** The queries that a map measures, undefined for a map that measures nothing. */
function sampleRows(
  who: string,
  map: FeatureMap,
  sampleQueries: AttentionArray | undefined,
  width: number,
  scale: number,
): Rows | undefined {
  if (map.statistics === undefined) {
    if (sampleQueries === undefined) return undefined;
    throw new KernelError(
      problem`${who}: sampleQueries must be omitted for '${map.name}' features, which measure nothing, got some; maps
      that measure are optimal, rescaled and saderf`,
    );
  }
  if (sampleQueries === undefined) {
    throw new KernelError(
      problem`${who}: sampleQueries must be given for '${map.name}' features, which measure queries, got nothing; give
      some that are like those to come`,
    );
  }
  const rows = readRows(who, "sampleQueries", sampleQueries, width);
  checkWidths(who, ["sampleQueries", "items"], [rows.width, width]);
  return scaleRows(who, "sampleQueries", rows, scale);
}
