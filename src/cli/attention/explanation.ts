// What `performer attention` tells: as data, as JSON, and for people.

import type { HeadSummary } from "../../inference/attention-summary.ts";
import { formatFixed, formatPercent } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import type { SimilarityResult } from "./similarity.ts";
import { tokenName } from "./subject.ts";
import type { AttentionSubject } from "./subject.ts";

/** Plain data, as JSON holds it. */
export interface Explanation {
  readonly sequence: {
    readonly id: string;
    readonly residues: string;
    readonly length: number;
    /** Of the whole protein. */
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
  readonly similarity: SimilarityFigures | null;
  readonly notices: readonly string[];
  readonly files: readonly string[];
}

interface HeadFigures extends Omit<HeadSummary, "layer" | "mechanism" | "topPartners"> {
  /** By the names of residues: "C40". */
  readonly topPartners: readonly { query: string; key: string; weight: number; timesUniform: number }[];
}

type SimilarityFigures = Omit<SimilarityResult, "matrix" | "reference" | "comparison" | "conclusion"> &
  Pick<SimilarityResult["comparison"], "with" | "pairs" | "correlation" | "interval" | "pValue" | "noted"> & {
    /** The ten most similar pairs. */
    readonly nearest: SimilarityResult["comparison"]["ranked"];
    readonly conclusion: string;
  };

export function byLayer(summaries: readonly HeadSummary[], subject: AttentionSubject): Explanation["layers"] {
  const layers = [...new Set(summaries.map(({ layer }) => layer))];
  return layers.map((layer) => {
    const own = summaries.filter((summary) => summary.layer === layer);
    const heads = own.map(({ layer: _layer, mechanism: _mechanism, topPartners, ...figures }) => ({
      ...figures,
      topPartners: topPartners.map(({ query, key, ...weights }) => ({
        query: tokenName(subject, query),
        key: tokenName(subject, key),
        ...weights,
      })),
    }));
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
export function formatExplanation({ sequence, layers, similarity, files }: Explanation): string {
  const rows = layers.flatMap(({ layer, mechanism, heads }) =>
    heads.map(({ head, entropyShare, meanDistance, toSpecials, topPartners }) => [
      `${layer}.${head}`,
      mechanism,
      formatPercent(entropyShare),
      formatFixed(meanDistance, 1),
      formatPercent(toSpecials),
      topPartners
        .slice(0, 3)
        .map(({ query, key, timesUniform }) => `${query}→${key} ${timesUniform.toFixed(1)}×`)
        .join(", "),
    ]),
  );
  const table = formatTable(
    ["head", "mechanism", "entropy of uniform", "mean distance", "to specials", "strongest pairs, times uniform"],
    rows,
  );
  const lines = [
    `Attention on ${sequence.id}, ${sequence.length} residues`,
    table,
    "",
    ...(similarity === null ? [] : [`Amino acids (${similarity.view}): ${similarity.conclusion}`, ""]),
    ...files,
  ];
  return `${lines.join("\n")}\n`;
}
