/** Kernels estimated by random features, on plain arrays in one call. */
import { problem } from "../graph/errors.ts";
import type { AttentionArray } from "../attention/arrays.ts";
import { arcCosineFeatures } from "../attention/favor/maps/generalized.ts";
import { featureMaps, type FeatureMapName } from "../attention/favor/maps/index.ts";
import type { FeatureMap } from "../attention/feature-map.ts";
import { defaultNumFeatures, drawProjection } from "../attention/favor/projections.ts";
import { createRandom, type ProjectionName } from "../random/index.ts";
import type { Backend } from "../runtime/backend.ts";
import { compile } from "../runtime/compile.ts";
import {
  checkMatrix,
  checkNames,
  checkNumFeatures,
  checkProjection,
  checkWidths,
  lookUp,
  readRows,
} from "./arguments.ts";
import { KernelError } from "./errors.ts";
import { checkKernel, type ArcCosineOrder, type KernelName } from "./exact.ts";
import { kernelMatrix } from "./terms.ts";

export interface EstimateKernelOptions {
  /** The kernel. */
  readonly kernel: KernelName;
  /** The order of the arc-cosine kernel. Default 1, the kernel of ReLU features. */
  readonly order?: ArcCosineOrder;
  /**
   * A name of the table or a map of your own that estimates this kernel. Default `positive`, `gaussian` or ReLU to the
   * order.
   */
  readonly featureMap?: FeatureMapName | FeatureMap;
  /** Rows of the projection. Default round(width · ln width), as many as the theory asks for up to constants. */
  readonly numFeatures?: number;
  /**
   * Default: what the map is meant for, orthogonal rows for most. `hadamard` and `givens` are very nearly unbiased
   * only.
   */
  readonly projection?: ProjectionName;
  /** Decides the random projection. Default 0. */
  readonly seed?: number;
  /** The width of a row; needed for flat arrays only. */
  readonly width?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

/** An estimated kernel, row-major. */
export interface KernelEstimate {
  readonly data: Float32Array;
  /** `[N, S]`. */
  readonly dims: readonly [number, number];
}

const optionNames = {
  kernel: true,
  order: true,
  featureMap: true,
  numFeatures: true,
  projection: true,
  seed: true,
  width: true,
  backend: true,
} as const satisfies Record<keyof EstimateKernelOptions, true>;

/**
 * Estimates a kernel between all rows of x and y: φ(x)·φ(y), unbiased over seeds, in O((N + S) · M · D + N · S · M).
 *
 * An entry's relative standard error is √((exp(‖x + y‖²) − 1)/numFeatures) for the softmax kernel with positive
 * features, the default: fine for ‖x + y‖ up to 2 or so, hopeless from 5 on, where nearly every seed gives far too
 * little, down to 0, and a rare one far too much. `exactKernel` gives the same matrix in closed form to compare with.
 *
 * @param arrays x `[N, D]` and y `[S, D]`, not divided by anything: the softmax kernel is exp(x·y). Not for attention,
 *   where the
 * queries and keys are divided by D^¼ first
 * @returns `[N, S]`
 * @throws KernelError for NaN, infinity, widths that differ, a map of another kernel, and estimates beyond float32
 *
 * @example
 * const { data, dims } = await estimateKernel({ x, y }, { kernel: "gaussian", numFeatures: 1024, seed: 7 });
 */
export async function estimateKernel(
  arrays: { readonly x: AttentionArray; readonly y: AttentionArray },
  options: EstimateKernelOptions,
): Promise<KernelEstimate> {
  const who = "estimateKernel";
  checkNames(who, options, optionNames);
  const { kernel, order, projection: kind, seed = 0, backend } = options;
  checkKernel(who, kernel, order);
  checkProjection(who, kind);
  const map = mapFor(who, kernel, order ?? 1, options.featureMap);
  const x = readRows(who, "x", arrays?.x, options.width);
  const y = readRows(who, "y", arrays?.y, options.width);
  checkWidths(who, ["x", "y"], [x.width, y.width]);
  checkMatrix(who, x.length, y.length);
  const { width } = x;
  const numFeatures = options.numFeatures ?? defaultNumFeatures(width);
  checkNumFeatures(who, map, numFeatures, { width, numRows: Math.max(x.length, y.length) });
  const sizes = { headDim: width, numFeatures };
  const projection = drawProjection(map, createRandom(seed, "projection"), sizes, kind && { kind });
  const executable = await compile(
    (tensors) => ({ kernel: kernelMatrix(map, tensors.x, tensors.y, tensors.projection) }),
    { x: [x.length, width], y: [y.length, width], projection: projection.shape },
    backend && { backend },
  );
  try {
    const result = await executable.run({ x: x.data, y: y.data, projection });
    const data = Float32Array.from(result["kernel"]?.data as Float32Array); // float32, or float64 from the reference backend
    checkEstimates(data, map, y.length);
    return { data, dims: [x.length, y.length] };
  } finally {
    await executable.dispose();
  }
}

const defaultMaps = {
  softmax: () => featureMaps.positive,
  gaussian: () => featureMaps.gaussian,
  "arc-cosine": arcCosineFeatures,
} as const satisfies Record<KernelName, (order: ArcCosineOrder) => FeatureMap>;

/** The map that was asked for, or the kernel's own. */
function mapFor(
  who: string,
  kernel: KernelName,
  order: ArcCosineOrder,
  asked: FeatureMapName | FeatureMap | undefined,
): FeatureMap {
  const usual = defaultMaps[kernel](order);
  if (asked === undefined) return usual;
  const map = typeof asked === "string" ? lookUp<FeatureMap>(who, "featureMap", featureMaps, asked) : asked;
  // Maps of the arc-cosine kernels define them: nothing but their names tells them from other maps with a kernel of
  // their own.
  if (kernel === "arc-cosine" ? map.name === usual.name : map.kernel === kernel) return map;
  const own = map.kernel === "own" ? "a kernel of its own" : `the ${map.kernel} kernel`;
  throw new KernelError(
    problem`${who}: featureMap must estimate the ${kernel} kernel, got '${map.name}', which estimates ${own}; omit it
    for '${usual.name}'`,
  );
}

function checkEstimates(data: Float32Array, map: FeatureMap, columns: number): void {
  const beyond = data.findIndex((value) => !Number.isFinite(value));
  if (beyond < 0) return;
  throw new KernelError(
    problem`estimateKernel: estimates must stay within float32, got ${data[beyond]} between row
    ${Math.floor(beyond / columns)} of x and row ${beyond % columns} of y with '${map.name}' features; scale the rows
    down, or keep logarithms with createSoftmax`,
  );
}
