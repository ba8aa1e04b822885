/** Measures the statistics of whole sequences on examples, so that they can be frozen. */
import { createBackend } from "#engine";
import type { NdArray } from "../graph/ndarray.ts";
import { mean } from "../statistics/index.ts";
import type { AttentionArray } from "./arrays.ts";
import { checkOptions, headsOf, inputsFor, readMasks, runOnce, type ArrayAttentionOptions } from "./attend.ts";
import { readBatches } from "./batch.ts";

const optionNames = ["numHeads", "mechanism", "keyMask", "queryMask", "headDim", "backend"] as const;

export type MeasureStatisticsOptions = Pick<ArrayAttentionOptions, (typeof optionNames)[number]>;

/**
 * Measures what `favor-optimal`, `favor-rescaled` and `favor-saderf` must know about whole sequences, over a batch of
 * examples, to be given as `statistics` afterwards: frozen, they make causal attention possible, and attention
 * independent of what else stands in a sequence.
 *
 * @returns by name, `[1, numHeads, 1, width]`: the mean over the batch; empty for mechanisms that need none
 *
 * @example
 * const statistics = await measureStatistics({ q, k }, { mechanism: "favor-optimal", numHeads: 8 });
 * await favorAttention({ q, k, v }, { mechanism: "favor-optimal", numHeads: 8, causal: true, statistics });
 */
export async function measureStatistics(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray },
  options: MeasureStatisticsOptions = {},
): Promise<Record<string, NdArray>> {
  const who = "measureStatistics";
  const { mechanism, numHeads } = checkOptions(who, options, [...optionNames]);
  const { q, k } = readBatches(
    who,
    { q: arrays.q, k: arrays.k },
    { numHeads, headDim: options.headDim, causal: false },
  );
  const masks = readMasks(who, { q, k }, options);
  const measured = mechanism.statistics?.measure(
    headsOf("q", q, numHeads),
    headsOf("k", k, numHeads),
    inputsFor(masks),
  );
  if (measured === undefined) return {};
  const results = await runOnce(options.backend ?? createBackend(), measured, { q, k, ...masks });
  return Object.fromEntries(Object.entries(results).map(([name, array]) => [name, meanOverBatch(array)]));
}

/** `[B, H, 1, W]` → `[1, H, 1, W]`. */
function meanOverBatch({ shape, data }: NdArray): NdArray {
  const [batch = 1, H = 1, , W = 1] = shape;
  const size = H * W;
  const ofRows = (at: number) => Array.from({ length: batch }, (_, row) => Number(data[row * size + at]));
  const means = Float32Array.from({ length: size }, (_, at) => mean(ofRows(at)));
  return { dtype: "float32", shape: [1, H, 1, W], data: means };
}
