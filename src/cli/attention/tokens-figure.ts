// Whom single residues attend to, as bars along the sequence.

import { visibleKeys } from "../../inference/attention-summary.ts";
import { wrapped } from "../picture/panels.ts";
import { INK, QUIET, textWidth } from "../picture/picture.ts";
import type { Mark, Picture } from "../picture/picture.ts";
import { residueClass } from "../report/residues.ts";
import type { ResidueClass } from "../report/residues.ts";
import { meanWeights, tokenName } from "./subject.ts";
import type { AttentionSubject } from "./subject.ts";

/** Of the report's light page. */
const residueColours = {
  hydrophobic: "#a35a00",
  polar: "#0a7f56",
  acidic: "#c81e3a",
  basic: "#1d5fd0",
  special: "#8a3fc4",
} as const satisfies Record<ResidueClass, string>;
const OTHER_COLOUR = "#8a9099";

const WIDTH = 960;
const MARGIN = 20;
const AXIS = 44;
const BARS = 90;
const ROW = BARS + 58;
const NAMED_PARTNERS = 4;
const LETTER_WIDTH = 7;

export function residueColour(letter: string): string {
  const kind = residueClass(letter);
  return kind === undefined ? OTHER_COLOUR : residueColours[kind];
}

/**
 * The mean over all heads that the subject has; a query beside its bars of weights.
 *
 * @param tokens the queries
 */
export function tokensFigure(subject: AttentionSubject, tokens: readonly number[]): Picture {
  const { id, attention, residues, firstResidue } = subject;
  const { maps, length } = attention;
  const mean = meanWeights(attention);
  const heads = maps.length === 1 ? `head ${maps[0]?.layer}.${maps[0]?.head}` : `the mean of ${maps.length} heads`;
  const notes = wrapped(
    `Bars: the share of its attention that a residue gives to each token, ${heads}; the dashes are what it would give if it saw all alike. ` +
      "Colours: hydrophobic brown, polar green, acidic red, basic blue, Cys Gly Pro violet.",
    WIDTH - 2 * MARGIN,
  );
  const marks: Mark[] = [
    { kind: "text", x: MARGIN, y: MARGIN + 12, text: `Whom residues of ${id} attend to`, size: 15 },
    ...notes.map((text, line): Mark => ({ kind: "text", x: MARGIN, y: MARGIN + 34 + 15 * line, text, colour: QUIET })),
  ];
  const top = MARGIN + 50 + 15 * notes.length;
  const step = (WIDTH - MARGIN - AXIS - MARGIN) / length;
  const left = MARGIN + AXIS;
  tokens.forEach((query, index) => {
    const base = top + index * ROW + BARS + 20;
    const row = mean.subarray(query * length, (query + 1) * length);
    const visible = visibleKeys(attention, query);
    const largest = Math.max(1e-12, ...row);
    const heightOf = (weight: number) => (Math.max(0, weight) / largest) * BARS;
    marks.push(
      { kind: "text", x: MARGIN, y: base - BARS - 8, text: tokenName(subject, query), size: 15 },
      { kind: "text", x: left - 6, y: base - BARS + 8, text: percent(largest), anchor: "end", colour: QUIET },
      { kind: "text", x: left - 6, y: base, text: "0", anchor: "end", colour: QUIET },
      { kind: "box", x: left, y: base, width: length * step, height: 0.5, fill: "#c9ccd1" },
    );
    for (let key = 0; key < length; key++) {
      const height = heightOf(row[key] ?? 0);
      const x = left + key * step;
      const letter = subject.letters.charAt(key);
      if (height > 0) {
        marks.push({
          kind: "box",
          x,
          y: base - height,
          width: Math.max(0.5, 0.8 * step),
          height,
          fill: residueColour(letter),
        });
      }
      if (step >= LETTER_WIDTH) {
        marks.push({
          kind: "text",
          x: x + step / 2,
          y: base + 11,
          text: letter,
          anchor: "middle",
          colour: residueColour(letter),
        });
      }
    }
    const uniform = base - heightOf(1 / visible);
    for (let x = 0; x < visible * step; x += 6) {
      marks.push({
        kind: "box",
        x: left + x,
        y: uniform,
        width: Math.min(3, visible * step - x),
        height: 0.5,
        fill: QUIET,
      });
    }
    // The query itself is underlined.
    marks.push({
      kind: "box",
      x: left + query * step,
      y: base + 13,
      width: Math.max(3, 0.8 * step),
      height: 2,
      fill: INK,
    });
    marks.push(
      ...partnerNames(
        subject,
        row,
        query,
        (key) => left + (key + 0.5) * step,
        (weight) => base - heightOf(weight) - 3,
      ),
    );
    for (let number = 10; number <= residues; number += residues > 120 ? 50 : 10) {
      const x = left + (number - 1 + firstResidue + 0.5) * step;
      marks.push({ kind: "text", x, y: base + 26, text: `${number}`, anchor: "middle", colour: QUIET });
    }
  });
  return {
    label: `Whom ${tokens.map((token) => tokenName(subject, token)).join(", ")} of ${id} attend to`,
    width: WIDTH,
    height: top + tokens.length * ROW + MARGIN,
    marks,
  };
}

/** The largest bars by name, where the names do not lie on one another. */
function partnerNames(
  subject: AttentionSubject,
  row: Float32Array,
  query: number,
  xOf: (key: number) => number,
  yOf: (weight: number) => number,
): readonly Mark[] {
  const taken: { readonly from: number; readonly to: number }[] = [];
  const keys = Array.from(row.keys())
    .filter((key) => key !== query && (row[key] ?? 0) > 0)
    .toSorted((a, b) => (row[b] ?? 0) - (row[a] ?? 0));
  const marks: Mark[] = [];
  for (const key of keys.slice(0, 4 * NAMED_PARTNERS)) {
    const text = tokenName(subject, key);
    const half = textWidth(text) / 2 + 3;
    const [from, to] = [xOf(key) - half, xOf(key) + half];
    if (taken.some((other) => from < other.to && to > other.from)) continue;
    taken.push({ from, to });
    marks.push({ kind: "text", x: xOf(key), y: yOf(row[key] ?? 0), text, anchor: "middle" });
    if (taken.length === NAMED_PARTNERS) break;
  }
  return marks;
}

function percent(weight: number): string {
  return `${Number((100 * weight).toPrecision(2))}%`;
}
