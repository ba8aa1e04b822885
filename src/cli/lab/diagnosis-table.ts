// A model's diagnosis for a terminal: one line a head, and what follows from it.

import type { HeadDiagnosis } from "../../attention/diagnose/diagnose.ts";
import type { ModelDiagnosis } from "../../inference/observe-diagnosis.ts";
import { formatCount } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";

const HEADER = [
  "layer",
  "head",
  "‖x‖²",
  "predicted",
  "measured",
  "output error",
  "features needed",
  "best map",
  "its error",
] as const;

/** @param length tokens of a sequence */
export function formatDiagnosis(diagnosis: ModelDiagnosis, length: number): string {
  const { sequences, mechanism, projection, numFeatures, redraws, layers } = diagnosis;
  const rows = layers.flatMap(({ layer, heads }) =>
    heads.map((head) => [
      String(layer),
      String(head.head),
      formatFigure(head.medianSquaredNorm),
      head.predictedRelativeVariance === null ? "–" : formatFigure(head.predictedRelativeVariance.attentionWeighted),
      formatFigure(head.measuredRelativeVariance.attentionWeighted),
      formatFigure(head.outputError),
      head.featuresNeeded === null ? "–" : formatCount(head.featuresNeeded),
      `${head.best.mechanism}, ${head.best.projection}`,
      formatFigure(head.best.outputError),
    ]),
  );
  const measured =
    `${mechanism} with ${formatCount(numFeatures)} features, ${projection} rows; ${formatCount(sequences)} sequences of ` +
    `${formatCount(length)} tokens, ${redraws} projections`;
  return [measured, "", formatTable(HEADER, rows), "", ...advice(diagnosis, length)].join("\n");
}

/** One sentence on what to do, and the reason where nothing helps. */
function advice(diagnosis: ModelDiagnosis, length: number): string[] {
  const { layers, wantedError, numFeatures, mechanism, modelMechanism } = diagnosis;
  const heads = layers.flatMap(({ layer, heads: each }) => each.map((head) => ({ layer, ...head })));
  const over = heads.filter(({ outputError }) => outputError === null || outputError > wantedError);
  const features = `${formatCount(numFeatures)} features`;
  if (over.length === 0) {
    return [`Every head is within ${wantedError} of exact attention with ${features}.`];
  }
  const hopeless = over.filter(({ warning }) => warning !== undefined);
  const needs = over.flatMap(({ featuresNeeded }) => featuresNeeded ?? []);
  const lines = [
    `${over.length} of ${heads.length} heads are further than ${wantedError} from exact attention with ${features}.`,
  ];
  if (needs.length > 0) {
    const most = Math.max(...needs);
    const cheaper =
      most > length ? `; with more features than the ${formatCount(length)} positions exact attention is cheaper` : "";
    lines.push(`Up to ${formatCount(most)} features bring ${needs.length} of them there${cheaper}.`);
  }
  const better = over.filter(({ best }) => best.mechanism !== mechanism);
  if (better.length > 0) {
    const [name, count] = mostFrequent(better.map(({ best }) => `${best.mechanism} (${best.projection} rows)`));
    lines.push(`At equal features ${name} is nearest in ${count} of them.`);
  }
  const worst = hopeless.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0];
  if (worst?.warning !== undefined) {
    const where = hopeless.length === 1 ? "one head" : `${hopeless.length} heads`;
    lines.push(
      `Warning: ${where} cannot be mended; the worst is layer ${worst.layer}, head ${worst.head}: ${worst.warning}.`,
    );
  }
  if (modelMechanism !== "exact") {
    lines.push(
      `The model was trained with ${modelMechanism}, and its weights fit that: the error is how far its attention is from exact ` +
        "attention, not a loss of quality.",
    );
  }
  return lines;
}

function sizeOf({ outputError }: HeadDiagnosis): number {
  return outputError ?? Number.POSITIVE_INFINITY;
}

function mostFrequent(names: readonly string[]): readonly [name: string, count: number] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0] ?? ["", 0];
}

/** Three digits, as a power of ten where that is shorter; null is a number beyond float64. */
function formatFigure(value: number | null): string {
  if (value === null) return "∞";
  const isPlain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4);
  return isPlain ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace("e+", "e");
}
