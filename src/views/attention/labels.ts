/** What the tokens of a protein or a text are drawn as and called, and how labels of any width lie side by side. */

import { textWidth } from "../picture/picture.ts";
import type { AttentionSubject } from "./subject.ts";

/** Letters of the special tokens around residues. */
const specialLetters = { before: "^", after: "$" } as const;

/** What cannot be seen, as it is drawn. */
const signs: Readonly<Record<string, string>> = {
  " ": "␣",
  "<0x20>": "␣",
  "\n": "⏎",
  "<0x0A>": "⏎",
  "\t": "⇥",
  "<0x09>": "⇥",
};

interface LabelledInput extends Pick<AttentionSubject, "reads"> {
  /** Special tokens in front of it. */
  readonly before: readonly number[];
  readonly own: Int32Array;
  /** Special tokens behind it. */
  readonly after: readonly number[];
  /** The token of every id. */
  readonly tokens: readonly string[];
}

export function labelsOf({
  reads,
  before,
  own,
  after,
  tokens,
}: LabelledInput): Pick<AttentionSubject, "labels" | "names"> {
  const tokenOf = (id: number) => visible(tokens[id] ?? `<${id}>`);
  const ownTokens = Array.from(own, tokenOf);
  const ofText = reads === "text";
  return {
    labels: [
      ...before.map((id) => (ofText ? tokenOf(id) : specialLetters.before)),
      ...ownTokens,
      ...after.map((id) => (ofText ? tokenOf(id) : specialLetters.after)),
    ],
    names: [
      ...before.map(tokenOf),
      ...ownTokens.map((token, index) => (ofText ? `${token}(${index + 1})` : `${token}${index + 1}`)),
      ...after.map(tokenOf),
    ],
  };
}

/** Blanks as signs, and nothing that a document of XML may not hold. */
export function visible(token: string): string {
  return signs[token] ?? token.replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, "\uFFFD");
}

/** Between labels of one line. */
const GAP = 6;

export interface PlacedLabel {
  readonly text: string;
  /** The x of its middle. */
  readonly x: number;
  /** The line that it stands on, from 0. */
  readonly line: number;
}

/**
 * Labels under their places, on as few lines as keep them from lying on one another.
 *
 * @param places the middle of every label, rising
 * @param within where the first may begin and the last may end
 * @param mostLines more would be too far from what they name
 * @returns undefined where they need more lines
 */
export function placeLabels(
  labels: readonly string[],
  places: readonly number[],
  within: readonly [from: number, to: number],
  mostLines: number,
): readonly PlacedLabel[] | undefined {
  const ends: number[] = [];
  const placed: PlacedLabel[] = [];
  for (const [index, text] of labels.entries()) {
    const half = textWidth(text) / 2;
    const x = Math.max(within[0] + half, Math.min(within[1] - half, places[index] ?? 0));
    const free = ends.findIndex((end) => end + GAP <= x - half);
    const line = free < 0 ? ends.length : free;
    if (line >= mostLines) return undefined;
    ends[line] = x + half;
    placed.push({ text, x, line });
  }
  return placed;
}
