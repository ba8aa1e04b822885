/** A model's diagnosis for a terminal: one line a head, and what follows from it. */

import type { FeatureNeed, HeadDiagnosis } from "../../attention/diagnose/diagnose.ts";
import type { ModelDiagnosis } from "../../inference/observe-diagnosis.ts";
import { formatCount } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";

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

/** For what has no figure. */
const NONE = "–";

/** The map with features of either sign among the usual candidates. */
const TRIGONOMETRIC = "favor-trigonometric";

/** @param length tokens of a sequence */
export function formatDiagnosis(diagnosis: ModelDiagnosis, length: number): string {
  const { sequences, mechanism, projection, numFeatures, redraws, layers } = diagnosis;
  const rows = layers.flatMap(({ layer, heads }) =>
    heads.map((head) => [
      String(layer),
      String(head.head),
      formatFigure(head.medianSquaredNorm),
      head.predictedRelativeVariance === null ? NONE : formatFigure(head.predictedRelativeVariance.attentionWeighted),
      formatFigure(head.measuredRelativeVariance.attentionWeighted),
      formatMean(head),
      formatNeed(head),
      `${head.best.mechanism}, ${head.best.projection}`,
      formatMean(head.best),
    ]),
  );
  const measured =
    `${mechanism} with ${formatCount(numFeatures)} features, ${projection} rows; ${formatCount(sequences)} sequences of ` +
    `${formatCount(length)} tokens, ${redraws} projections or more an error`;
  const below = [...legend(diagnosis), "", ...advice(diagnosis, length)];
  return [measured, "", formatTable(HEADER, rows), "", ...below].join("\n");
}

/** What the signs in the table mean, of those that are in it. */
function legend({ layers, maxFeatures, wantedError }: ModelDiagnosis): string[] {
  const heads = layers.flatMap((layer) => layer.heads);
  const lines = ["±: the standard error over projections."];
  if (heads.some(({ featuresNeeded, confirmed }) => featuresNeeded !== null && !confirmed)) {
    lines.push("~: not confirmed by measuring there, which costs too much; extrapolated or between measured counts.");
  }
  if (heads.some(({ featuresNeeded }) => featuresNeeded === null)) {
    lines.push(
      `${NONE}: as far as can be seen no count up to ${formatCount(maxFeatures)} brings this map to ${wantedError}; the best map may ` +
        "come there.",
    );
  }
  return lines;
}

/** What follows from the table, and the reason where nothing helps. */
function advice(diagnosis: ModelDiagnosis, length: number): string[] {
  const { layers, wantedError, numFeatures, modelMechanism } = diagnosis;
  const heads = layers.flatMap(({ layer, heads: each }) => each.map((head) => ({ layer, ...head })));
  const over = heads.filter(({ outputError }) => outputError === null || outputError > wantedError);
  const features = `${formatCount(numFeatures)} features`;
  if (over.length === 0) {
    return [`Every head is within ${wantedError} of exact attention with ${features}.`];
  }
  const lines = [
    `${over.length} of ${heads.length} heads are further than ${wantedError} from exact attention with ${features}.`,
    ...needsOf(over, length),
    ...otherMaps(over, diagnosis),
  ];
  const hopeless = over.filter(({ warning }) => warning !== undefined);
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

/** How many features bring how many heads there: what was measured, and what was not. */
function needsOf(heads: readonly HeadDiagnosis[], length: number): string[] {
  const needed = heads.filter(({ featuresNeeded }) => featuresNeeded !== null);
  const confirmed = needed.filter((head) => head.confirmed);
  const estimated = needed.filter((head) => !head.confirmed);
  const lines: string[] = [];
  if (confirmed.length > 0) {
    lines.push(`Up to ${largestOf(confirmed)} features bring ${confirmed.length} of them there, as measured.`);
  }
  if (estimated.length > 0) {
    lines.push(`Up to ${largestOf(estimated)} features should bring ${estimated.length} of them there, not confirmed.`);
  }
  if (needed.some(({ featuresNeeded }) => (featuresNeeded ?? 0) > length)) {
    lines.push(`With more features than the ${formatCount(length)} positions exact attention is cheaper.`);
  }
  return lines;
}

/** What other maps do at equal features, and for heads that the present one does not bring there. */
function otherMaps(heads: readonly HeadDiagnosis[], { mechanism, projection }: ModelDiagnosis): string[] {
  const lines: string[] = [];
  const rescued = heads.filter(({ featuresNeeded, best }) => featuresNeeded === null && best.featuresNeeded !== null);
  if (rescued.length > 0) {
    const rows = largestOf(rescued.map(({ best }) => best));
    lines.push(
      `No count of this map is known to bring ${rescued.length} of them there; their best map does with up to ${rows} rows.`,
    );
  }
  const better = heads.filter(({ best }) => best.mechanism !== mechanism || best.projection !== projection);
  if (better.length > 0) {
    const [name, count] = mostFrequent(better.map(({ best }) => `${best.mechanism} (${best.projection} rows)`));
    lines.push(`At equal features ${name} is nearest in ${count} of them, by more than noise.`);
  }
  const signed = heads.filter(({ best, candidates }) =>
    candidates.some((each) => each.mechanism === TRIGONOMETRIC && sizeOf(each) < sizeOf(best)),
  );
  if (signed.length > 0) {
    lines.push(
      `${TRIGONOMETRIC} has a smaller error in ${signed.length} of them and is not named best: its features may be negative, so that ` +
        "a denominator may vanish on the next sequence.",
    );
  }
  return lines;
}

function largestOf(needs: readonly FeatureNeed[]): string {
  const largest = needs.toSorted((a, b) => (b.featuresNeeded ?? 0) - (a.featuresNeeded ?? 0))[0];
  return largest === undefined ? NONE : formatNeed(largest);
}

/** "1,024" as measured, "~18,000" where that was not confirmed, "–" where no count is known to do. */
function formatNeed({ featuresNeeded, confirmed }: FeatureNeed): string {
  if (featuresNeeded === null) return NONE;
  return confirmed ? formatCount(featuresNeeded) : `~${formatCount(Number(featuresNeeded.toPrecision(2)))}`;
}

/** "0.312 ± 0.014". */
function formatMean({ outputError, standardError }: Pick<HeadDiagnosis, "outputError" | "standardError">): string {
  const mean = formatFigure(outputError);
  return outputError === null || standardError === null ? mean : `${mean} ± ${formatTwoDigits(standardError)}`;
}

function formatTwoDigits(value: number): string {
  return String(Number(value.toPrecision(2)));
}

function sizeOf({ outputError }: Pick<HeadDiagnosis, "outputError">): number {
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
