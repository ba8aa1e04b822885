/** What a conversion did to a model, for a terminal: a line a layer, and what became of its vectors. */

import type { ConversionReport, LayerConversion } from "../../convert/index.ts";
import { formatCount, formatFixed, plural } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";
import type { Sample } from "./sample.ts";
import type { VectorComparison } from "./vectors.ts";

export function formatReport(report: ConversionReport, record: Sample["record"]): string {
  const { mechanism, projection, numFeatures, sequences, length, tokens, redraws, wantedError, maxFeatures, layers } =
    report;
  const numHeads = layers[0]?.heads.length ?? 0;
  const measured =
    `Output of attention by ${mechanism} with ${formatCount(numFeatures)} features (${projection} rows) against exact attention, on ` +
    `${sequences} ${plural(sequences, record)} of ${length} tokens (${formatCount(tokens)} in all):\n` +
    `‖approximate − exact‖ / ‖exact‖, mean over ${numHeads} heads and ${redraws} projections or more.`;
  const header = [
    "layer",
    "error",
    "nearest map at as many features",
    "its error",
    `features for ${wantedError} (of ${formatCount(maxFeatures)})`,
  ];
  const rows = layers.map((layer) => [
    String(layer.layer),
    formatError(layer.outputError),
    `${layer.best.mechanism}, ${layer.best.projection} (${layer.bestHeads} of ${numHeads} heads)`,
    formatError(layer.bestError),
    formatNeed(layer, numHeads),
  ]);
  return `${measured}\n\n${formatTable(header, rows)}`;
}

export function formatVectors(
  { count, meanCosine, leastCosine }: VectorComparison,
  { record, origin }: Sample,
): string {
  return (
    `Vectors before and after: cosine ${formatFixed(meanCosine, 3)} in the mean, ${formatFixed(leastCosine, 3)} at the least, ` +
    `of ${formatCount(count)} ${plural(count, record)} ${origin}.`
  );
}

function formatError(error: number | null): string {
  return error === null ? "∞" : formatFixed(error, 3);
}

function formatNeed({ headsInReach, featuresNeeded }: LayerConversion, numHeads: number): string {
  if (featuresNeeded === null) return "out of reach";
  return `${formatCount(featuresNeeded)} (${headsInReach} of ${numHeads} heads)`;
}
