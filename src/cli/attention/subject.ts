// What the pictures of a model's attention show: maps of one protein, its tokens, and the colours that all heads share.

import type { AttentionMap, AttentionMaps } from "../../inference/attention-maps.ts";
import { visibleKeys } from "../../inference/attention-summary.ts";
import { amountRamp, matrixPixels } from "../picture/colours.ts";
import type { Scale } from "../picture/panels.ts";
import type { Pixels } from "../picture/picture.ts";

export interface AttentionSubject {
  /** The protein's identifier. */
  readonly id: string;
  readonly attention: AttentionMaps;
  /** What the model reads, one letter a token: ^ and $ for the special tokens around the residues. */
  readonly letters: string;
  /** The token of residue 1. */
  readonly firstResidue: number;
  /** How many tokens are residues. */
  readonly residues: number;
  /** Times uniform attention that have the darkest colour. */
  readonly darkest: number;
}

/** Letters of <bos> and <eos>. */
export const specialLetters = { bos: "^", eos: "$" } as const;

/** The largest share of weights may be darker than the scale shows: single points would otherwise make all others pale. */
const BEYOND = 0.005;
/** Uniform attention must not look like much. */
const LEAST_DARKEST = 4;

/**
 * The times-uniform value that all but half a per cent of the weights stay below, at least 4, with two digits. Weights are compared with
 * those of a query that sees all its keys alike, 1/n of n keys: a causal query early in the sequence has few of them.
 */
export function darkestOf(attention: AttentionMaps): number {
  const { maps, length } = attention;
  const values: number[] = [];
  for (const { weights } of maps) {
    for (let query = 0; query < length; query++) {
      const visible = visibleKeys(attention, query);
      for (let key = 0; key < visible; key++) values.push((weights[query * length + key] ?? 0) * visible);
    }
  }
  const sorted = Float64Array.from(values).sort();
  const largest = sorted[Math.floor((1 - BEYOND) * (sorted.length - 1))] ?? 0;
  return Number(Math.max(LEAST_DARKEST, largest).toPrecision(2));
}

/** A weight as a share of the colours: by the square root, which tells small weights apart. */
function shareOf(timesUniform: number, darkest: number): number {
  return Math.sqrt(Math.max(0, timesUniform) / darkest);
}

/** What the colours of maps mean. */
export function attentionScale(darkest: number): Scale {
  const values = [0, 1, ...[2, 4, 8, 16, 32, 64, 128].filter((value) => value < darkest / 1.7), darkest];
  return {
    ramp: amountRamp,
    title: "attention, times that of a query that sees all its keys alike (square-root scale)",
    ticks: values.map((value) => ({
      share: shareOf(value, darkest),
      text: `${value}${value === darkest ? "+" : ""}`,
    })),
  };
}

/** Queries down, keys across. */
export function mapPixels({ weights }: AttentionMap, { attention, darkest }: AttentionSubject): Pixels {
  const { length } = attention;
  return matrixPixels({ rows: length, columns: length, ramp: amountRamp }, (query, key) =>
    shareOf((weights[query * length + key] ?? 0) * visibleKeys(attention, query), darkest),
  );
}

/** "C40" for a residue, the name of a special token elsewhere. */
export function tokenName({ letters, firstResidue, residues }: AttentionSubject, token: number): string {
  const number = token - firstResidue + 1;
  if (number >= 1 && number <= residues) return `${letters.charAt(token)}${number}`;
  return number < 1 ? "<bos>" : "<eos>";
}

/** The mean of all maps, `[L, L]`. */
export function meanWeights({ maps, length }: AttentionMaps): Float32Array {
  const mean = new Float32Array(length * length);
  for (const { weights } of maps) {
    for (let index = 0; index < mean.length; index++) {
      mean[index] = (mean[index] ?? 0) + (weights[index] ?? 0) / maps.length;
    }
  }
  return mean;
}
