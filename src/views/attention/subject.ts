/**
 * What the pictures of a model's attention show: maps of one protein or text, its tokens, and the colours that all
 * heads share.
 */

import type { AttentionMap, AttentionMaps } from "../../inference/attention-maps.ts";
import { visibleKeys } from "../../inference/attention-summary.ts";
import type { Words } from "../../runs/data/words.ts";
import { amountRamp, matrixPixels } from "../picture/colours.ts";
import type { Scale } from "../picture/panels.ts";
import type { Pixels } from "../picture/picture.ts";
import { residueClass, type ResidueClass } from "../report/residues.ts";

export interface AttentionSubject {
  /** The protein's identifier, or the text in quotes. */
  readonly id: string;
  readonly reads: "proteins" | "text";
  readonly words: Pick<Words, "unit" | "units" | "sample">;
  readonly attention: AttentionMaps;
  /**
   * What every token is drawn as, `[L]`: of proteins a letter, ^ and $ for the special ones; of texts its piece of the
   * text.
   */
  readonly labels: readonly string[];
  /** What every token is called in sentences, `[L]`: "C40", "eating(4)", special ones "<bos>". */
  readonly names: readonly string[];
  /** The token that is counted as 1: special ones stand in front of it. */
  readonly firstToken: number;
  /** How many tokens are counted; special ones stand behind them. */
  readonly count: number;
  /** Times uniform attention that have the darkest colour. */
  readonly darkest: number;
}

/** Whether a token is one of those that stand around every protein or text. */
export function isSpecial({ firstToken, count }: AttentionSubject, token: number): boolean {
  return token < firstToken || token >= firstToken + count;
}

/** The chemical class of a residue; undefined for special tokens, letters such as X, and the tokens of texts. */
export function classOfToken({ reads, labels }: AttentionSubject, token: number): ResidueClass | undefined {
  return reads === "proteins" ? residueClass(labels[token] ?? "") : undefined;
}

/** A label of at most so many letters, the last of them dots where it was longer. */
export function shortLabel(label: string, most: number): string {
  const letters = Array.from(label);
  return letters.length <= most ? label : `${letters.slice(0, most - 2).join("")}..`;
}

/** A token's name with a piece of at most so many letters; its number stays. */
export function shortName(subject: AttentionSubject, token: number, most: number): string {
  const { labels, names } = subject;
  const [label = "", name = ""] = [labels[token], names[token]];
  return subject.reads === "text" && name.startsWith(label) ? shortLabel(label, most) + name.slice(label.length) : name;
}

/**
 * The largest share of weights may be darker than the scale shows: single points would otherwise make all others pale.
 */
const BEYOND = 0.005;
/** Uniform attention must not look like much. */
const LEAST_DARKEST = 4;

/**
 * The times-uniform value that all but half a per cent of the weights stay below, at least 4, with two digits. Weights
 * are compared with those of a query that sees all its keys alike, 1/n of n keys: a causal query early in the sequence
 * has few of them.
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

/** The mean of all maps, `[L, L]`. */
export function meanWeights({ maps, length }: AttentionMaps): Float32Array {
  return Float32Array.from({ length: length * length }, (_, index) => {
    let sum = 0;
    for (const { weights } of maps) sum += weights[index] ?? 0;
    return sum / maps.length;
  });
}
