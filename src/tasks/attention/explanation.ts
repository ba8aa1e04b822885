/** What `performer attention` tells: as data, as JSON, and for people. */

import type { HeadSummary } from "../../inference/attention-summary.ts";
import { formatFixed, formatPercent } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";
import type { SimilarityResult } from "../../views/attention/similarity-figure.ts";
import type { AttentionSubject } from "../../views/attention/subject.ts";

/** Plain data, as JSON holds it. */
export interface Explanation {
  readonly sequence: {
    readonly id: string;
    /** The residues that are shown, for a protein. */
    readonly residues?: string;
    /** The text as it was given. */
    readonly text?: string;
    /** The tokens that the model reads, special ones included, as they are drawn. */
    readonly tokens: readonly string[];
    /** The unit of `length` and `wholeLength`: "residues" or "tokens", without special tokens. */
    readonly units: string;
    readonly length: number;
    /** Before it was cut. */
    readonly wholeLength: number;
  };
  readonly causal: boolean;
  /** Times uniform attention of the darkest colour. */
  readonly darkest: number;
  readonly layers: readonly {
    readonly layer: number;
    readonly mechanism: string;
    readonly heads: readonly HeadFigures[];
  }[];
  /** The model of --beside, and the mean of the heads' differences from it. */
  readonly beside: { readonly model: string; readonly difference: number } | null;
  readonly similarity: SimilarityFigures | null;
  readonly notices: readonly string[];
  readonly files: readonly string[];
}

interface HeadFigures extends Omit<HeadSummary, "layer" | "mechanism" | "topPartners"> {
  /** With --beside: the share of its attention that goes elsewhere than in the same head of that model. */
  readonly difference: number | null;
  /** By the names of tokens: "C40", "eating(4)". */
  readonly topPartners: readonly { query: string; key: string; weight: number; timesUniform: number }[];
}

type SimilarityFigures = Omit<SimilarityResult, "matrix" | "reference" | "comparison" | "conclusion"> &
  Pick<SimilarityResult["comparison"], "with" | "pairs" | "correlation" | "interval" | "pValue" | "noted"> & {
    /** The ten most similar pairs. */
    readonly nearest: SimilarityResult["comparison"]["ranked"];
    readonly conclusion: string;
  };

/** @param differences of the heads from those of a second model, in the order of the summaries */
export function byLayer(
  summaries: readonly HeadSummary[],
  subject: AttentionSubject,
  differences: readonly number[] = [],
): Explanation["layers"] {
  const layers = [...new Set(summaries.map(({ layer }) => layer))];
  return layers.map((layer) => {
    const own = summaries.filter((summary) => summary.layer === layer);
    const heads = own.map((summary) => {
      const { layer: _layer, mechanism: _mechanism, topPartners, ...figures } = summary;
      return {
        ...figures,
        difference: differences[summaries.indexOf(summary)] ?? null,
        topPartners: topPartners.map(({ query, key, ...weights }) => ({
          query: subject.names[query] ?? "",
          key: subject.names[key] ?? "",
          ...weights,
        })),
      };
    });
    return { layer, mechanism: own[0]?.mechanism ?? "", heads };
  });
}

export function figuresOf({
  matrix: _matrix,
  reference: _reference,
  comparison,
  ...figures
}: SimilarityResult): SimilarityFigures {
  const { with: name, pairs, correlation, interval, pValue, noted, ranked } = comparison;
  return { ...figures, with: name, pairs, correlation, interval, pValue, noted, nearest: ranked.slice(0, 10) };
}

/** All of it: the matrices and every pair. */
export function similarityJson(similarity: SimilarityResult): string {
  const { matrix, reference, comparison } = similarity;
  const document = {
    ...figuresOf(similarity),
    letters: matrix.letters,
    similarity: matrix.values,
    [comparison.with]: reference.values,
    ranked: comparison.ranked,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** For people. */
export function formatExplanation({ sequence, layers, beside, similarity, files }: Explanation): string {
  const rows = layers.flatMap(({ layer, mechanism, heads }) =>
    heads.map(({ head, entropyShare, meanDistance, toSpecials, topPartners, difference }) => [
      `${layer}.${head}`,
      mechanism,
      formatPercent(entropyShare),
      formatFixed(meanDistance, 1),
      formatPercent(toSpecials),
      ...(difference === null ? [] : [formatPercent(difference)]),
      topPartners
        .slice(0, 3)
        .map(({ query, key, timesUniform }) => `${query}→${key} ${timesUniform.toFixed(1)}×`)
        .join(", "),
    ]),
  );
  const table = formatTable(
    [
      "head",
      "mechanism",
      "entropy of uniform",
      "mean distance",
      "to specials",
      ...(beside === null ? [] : ["elsewhere"]),
      "strongest pairs, times uniform",
    ],
    rows,
  );
  const lines = [
    `Attention on ${sequence.id}, ${sequence.length} ${sequence.units}`,
    table,
    "",
    ...(beside === null
      ? []
      : [
          `${formatPercent(beside.difference)} of the attention goes elsewhere than in ${beside.model}, mean of all heads`,
          "",
        ]),
    ...(similarity === null ? [] : [`Amino acids (${similarity.view}): ${similarity.conclusion}`, ""]),
    ...files,
  ];
  return `${lines.join("\n")}\n`;
}
