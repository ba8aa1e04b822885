/** Similarities of amino acids beside a substitution matrix, in the same colours. */

import type { SimilarityComparison } from "../../inference/similarity-comparison.ts";
import { pairsOf, type SimilarityMatrix, type SimilarityView } from "../../inference/similarity.ts";
import { mean, populationVariance } from "../../statistics/index.ts";
import { differenceRamp, matrixPixels } from "../picture/colours.ts";
import { scaleMarks, wrapped } from "../picture/panels.ts";
import { QUIET, type Mark, type Picture } from "../picture/picture.ts";
import { residueColour } from "./tokens-figure.ts";

/** The similarity of amino acids in a model, beside a substitution matrix. */
export interface SimilarityResult {
  /** The one that is shown. */
  readonly view: SimilarityView;
  /** What the similarity is, in a sentence. */
  readonly meaning: string;
  readonly matrix: SimilarityMatrix;
  /** The substitution matrix, as similarities. */
  readonly reference: SimilarityMatrix;
  readonly comparison: SimilarityComparison;
  /** All that the model allows. */
  readonly views: readonly ({ readonly view: SimilarityView } & Pick<
    SimilarityComparison,
    "correlation" | "interval" | "pValue"
  >)[];
  readonly sequences: number;
  readonly residues: number;
  /** Heads that were summed over. */
  readonly heads: number;
  /** What came out, in a sentence that claims no more than the figures do. */
  readonly conclusion: string;
  readonly notes: readonly string[];
}

/** Dayhoff's order, with similar chemistry side by side, in which substitution matrices show blocks. */
export const chemicalOrder = "CSTPAGNDEQHRKMILVFYW";
/** Colours reach so many standard deviations from the mean. */
export const DEVIATIONS = 2.5;

const WIDTH = 960;
const MARGIN = 20;
const CELL = 20;
const LABELS = 18;
const GAP = 64;

/** Mean and standard deviation of the entries of all pairs of different residues. */
export function spreadOf(letters: string, of: (a: number, b: number) => number): { mean: number; deviation: number } {
  const values = pairsOf(letters).map(({ a, b }) => of(a, b));
  return { mean: mean(values), deviation: Math.sqrt(populationVariance(values)) };
}

export function similarityFigure({ matrix, reference, comparison, meaning, notes }: SimilarityResult): Picture {
  const { correlation, interval, pValue } = comparison;
  const lines = [
    `Similarity: ${meaning}.`,
    `Pearson correlation with ${comparison.with} over ${comparison.pairs} pairs: ${correlation.toFixed(2)}, 95 % interval ` +
      `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}; ${describeP(pValue)} of permutations do as well.`,
    ...notes,
  ].flatMap((line) => wrapped(line.replaceAll("–", "-"), WIDTH - 2 * MARGIN));
  const marks: Mark[] = [
    { kind: "text", x: MARGIN, y: MARGIN + 12, text: `Amino acids: the model and ${comparison.with}`, size: 15 },
    ...lines.map((text, line): Mark => ({ kind: "text", x: MARGIN, y: MARGIN + 34 + 15 * line, text, colour: QUIET })),
  ];
  const top = MARGIN + 34 + 15 * lines.length;
  marks.push(
    ...scaleMarks(
      {
        ramp: differenceRamp,
        ticks: [-DEVIATIONS, -1, 0, 1, DEVIATIONS].map((value) => ({
          share: (value / DEVIATIONS + 1) / 2,
          text: value > 0 ? `+${value}` : `${value}`,
        })),
        title: "standard deviations from the mean of all pairs; the diagonal says nothing",
      },
      MARGIN,
      top,
    ),
  );
  const y = top + 66;
  marks.push(...matrixMarks(reference, comparison.with, MARGIN + LABELS, y));
  const right = MARGIN + LABELS + chemicalOrder.length * CELL + GAP;
  marks.push(...matrixMarks(matrix, "the model", right, y));
  return {
    label: `Similarity of amino acids in the model beside ${comparison.with}; their correlation is ${correlation.toFixed(2)}`,
    width: WIDTH,
    height: y + LABELS + chemicalOrder.length * CELL + MARGIN,
    marks,
  };
}

function matrixMarks({ letters, values }: SimilarityMatrix, title: string, x: number, y: number): readonly Mark[] {
  const size = chemicalOrder.length;
  const at = (row: number, column: number) => {
    const [a, b] = [letters.indexOf(chemicalOrder.charAt(row)), letters.indexOf(chemicalOrder.charAt(column))];
    return values[a]?.[b] ?? Number.NaN;
  };
  const { mean: middle, deviation } = spreadOf(chemicalOrder, at);
  const pixels = matrixPixels({ rows: size, columns: size, ramp: differenceRamp }, (row, column) =>
    row === column ? Number.NaN : ((at(row, column) - middle) / deviation / DEVIATIONS + 1) / 2,
  );
  const side = size * CELL;
  return [
    { kind: "text", x, y: y - 8, text: title, size: 15 },
    { kind: "image", x, y: y + LABELS, width: side, height: side, pixels },
    ...Array.from(chemicalOrder).flatMap((letter, index): Mark[] => {
      const colour = residueColour(letter);
      const place = (index + 0.5) * CELL;
      return [
        { kind: "text", x: x + place, y: y + LABELS - 5, text: letter, anchor: "middle", colour },
        { kind: "text", x: x - 9, y: y + LABELS + place + 3.5, text: letter, anchor: "middle", colour },
      ];
    }),
  ];
}

/** "0.02 %", "41 %". */
export function describeP(pValue: number): string {
  return `${Number((100 * pValue).toPrecision(2))} %`;
}
