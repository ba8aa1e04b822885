/** Whom single tokens attend to, as bars along the protein or the text. */

import { visibleKeys } from "../../inference/attention-summary.ts";
import { wrapped } from "../picture/panels.ts";
import { INK, QUIET, textWidth, type Mark, type Picture } from "../picture/picture.ts";
import { residueClass, type ResidueClass } from "../report/residues.ts";
import { placeLabels, type PlacedLabel } from "./labels.ts";
import { isSpecial, meanWeights, shortLabel, shortName, type AttentionSubject } from "./subject.ts";

/** The colours of the report's light page. */
const residueColours = {
  hydrophobic: "#a35a00",
  polar: "#0a7f56",
  acidic: "#c81e3a",
  basic: "#1d5fd0",
  special: "#8a3fc4",
} as const satisfies Record<ResidueClass, string>;
const OTHER_COLOUR = "#8a9099";
const TEXT_COLOUR = "#2563c9";

const WIDTH = 960;
const MARGIN = 20;
const AXIS = 44;
const BARS = 90;
const LINE = 11;
const NAMED_PARTNERS = 4;
/** Longer pieces of text end in dots. */
const LABEL_LETTERS = 14;
/** Lines of labels below the bars; where they do not suffice, numbers stand alone. */
const LABEL_LINES = 6;
/** The least distance of two numbers. */
const NUMBERS_APART = 24;

/** What is drawn otherwise for proteins than for texts. */
interface Kind {
  /** What colours mean, and which bars may be cut. */
  readonly legend: string;
  /** The colour of a token. */
  readonly colourOf: (subject: AttentionSubject, token: number) => string;
  /** Whether the largest weight of a special token too may have the highest bar. */
  readonly measuresSpecials: boolean;
  /** Above the bars, for the query's name. */
  readonly head: number;
  /** From the bars down to the next row. */
  readonly below: number;
  /** From the bars down to the first line of labels. */
  readonly firstLine: number;
  /** From the bars down to the line under the query itself. */
  readonly underline: number;
  /** Labels below the bars; none where they have no room. */
  readonly placed: (labels: readonly string[], places: readonly number[], axis: Pick<Axis, "left" | "step">) => Placed;
  /** Every how many tokens one is numbered. */
  readonly every: (count: number, step: number) => number;
}

type Placed = readonly PlacedLabel[];

const kinds = {
  proteins: {
    legend:
      "Colours: hydrophobic brown, polar green, acidic red, basic blue, Cys Gly Pro violet. " +
      "The bar of the query itself ends at the top, with its share, where it is higher than all others.",
    colourOf: ({ labels }, token) => residueColour(labels[token] ?? ""),
    measuresSpecials: true,
    head: 20,
    below: 38,
    firstLine: 11,
    // The query's letter.
    underline: 13,
    // Letters always have one line, on which they may touch.
    placed: (labels, places, { step }) =>
      step >= textWidth("x") + 1 ? labels.map((text, key) => ({ text, x: places[key] ?? 0, line: 0 })) : [],
    every: (count) => (count > 120 ? 50 : 10),
  },
  text: {
    legend:
      "Special tokens are grey. Their bars and that of the query itself end at the top, with their share, where they are higher than all others.",
    colourOf: (subject, token) => (isSpecial(subject, token) ? OTHER_COLOUR : TEXT_COLOUR),
    // They often receive more than all of the text's own, which would all look alike beside them.
    measuresSpecials: false,
    // The name of a piece of text has a line to itself: that of the largest bar may begin at the left too.
    head: 36,
    below: 46,
    firstLine: 14,
    // The query's place: labels may stand elsewhere.
    underline: 2,
    placed: (labels, places, { left }) => placeLabels(labels, places, [left - AXIS + 8, WIDTH - 4], LABEL_LINES) ?? [],
    every: (_, step) => [1, 2, 5, 10, 20, 50].find((number) => number * step >= NUMBERS_APART) ?? 100,
  },
} as const satisfies Record<AttentionSubject["reads"], Kind>;

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
  const { id, attention, words, names, reads } = subject;
  const { maps, length } = attention;
  const { legend, head, below, underline, colourOf }: Kind = kinds[reads];
  const mean = meanWeights(attention);
  const heads = maps.length === 1 ? `head ${maps[0]?.layer}.${maps[0]?.head}` : `the mean of ${maps.length} heads`;
  const notes = wrapped(
    `Bars: the share of its attention that a ${words.unit} gives to each token, ${heads}; the dashes, where they are not above the top, are what it would give if it saw all alike. ${legend}`,
    WIDTH - 2 * MARGIN,
  );
  const marks: Mark[] = [
    { kind: "text", x: MARGIN, y: MARGIN + 12, text: `Whom ${words.units} of ${id} attend to`, size: 15 },
    ...notes.map((text, line): Mark => ({ kind: "text", x: MARGIN, y: MARGIN + 34 + 15 * line, text, colour: QUIET })),
  ];
  const axis = axisOf(subject);
  const rowHeight = head + BARS + below + LINE * (axis.lines - 1);
  const top = MARGIN + 50 + 15 * notes.length;
  const { left, step } = axis;
  tokens.forEach((query, index) => {
    const base = top + index * rowHeight + BARS + head;
    const row = mean.subarray(query * length, (query + 1) * length);
    const visible = visibleKeys(attention, query);
    const highest = highestBar(subject, row, query);
    const heightOf = (weight: number) => Math.min(1, Math.max(0, weight) / highest) * BARS;
    marks.push(
      { kind: "text", x: MARGIN, y: base - BARS - head + 12, text: shortName(subject, query, 48), size: 15 },
      { kind: "text", x: left - 6, y: base - BARS + 8, text: percent(highest), anchor: "end", colour: QUIET },
      { kind: "text", x: left - 6, y: base, text: "0", anchor: "end", colour: QUIET },
      { kind: "box", x: left, y: base, width: length * step, height: 0.5, fill: "#c9ccd1" },
    );
    for (let key = 0; key < length; key++) {
      const height = heightOf(row[key] ?? 0);
      if (height <= 0) continue;
      const box = { x: left + key * step, y: base - height, width: Math.max(0.5, 0.8 * step), height };
      marks.push({ kind: "box", ...box, fill: colourOf(subject, key) });
    }
    const uniform = base - heightOf(1 / visible);
    for (let x = 0; 1 / visible <= highest && x < visible * step; x += 6) {
      marks.push({
        kind: "box",
        x: left + x,
        y: uniform,
        width: Math.min(3, visible * step - x),
        height: 0.5,
        fill: QUIET,
      });
    }
    marks.push(...axisMarks(subject, axis, base));
    const under = { x: left + query * step, y: base + underline, width: Math.max(3, 0.8 * step) };
    marks.push({ kind: "box", ...under, height: 2, fill: INK });
    marks.push(...partnerNames(subject, axis, { row, query, base, highest, heightOf }));
  });
  return {
    label: `Whom ${tokens.map((token) => names[token] ?? "").join(", ")} of ${id} attend to`,
    width: WIDTH,
    height: top + tokens.length * rowHeight + MARGIN,
    marks,
  };
}

/**
 * The weight of a query whose bar has the full height: the largest of the other tokens, so that neither the query
 * itself nor, in texts, special tokens make all others look alike. The page measures its bars in the same way
 * (page-script.js).
 */
function highestBar(subject: AttentionSubject, row: Float32Array, query: number): number {
  const { measuresSpecials }: Kind = kinds[subject.reads];
  const others = row.filter((_, key) => key !== query && (measuresSpecials || !isSpecial(subject, key)));
  const largest = Math.max(0, ...others);
  return largest > 0 ? largest : Math.max(1e-12, ...row);
}

/** What is below the bars, the same in every row. */
interface Axis {
  readonly left: number;
  /** From token to token. */
  readonly step: number;
  readonly labels: readonly PlacedLabel[];
  readonly lines: number;
}

function axisOf({ attention: { length }, labels, reads }: AttentionSubject): Axis {
  const left = MARGIN + AXIS;
  const step = (WIDTH - MARGIN - left) / length;
  const places = labels.map((_, key) => left + (key + 0.5) * step);
  const short = labels.map((label) => shortLabel(label, LABEL_LETTERS));
  const { placed: place }: Kind = kinds[reads];
  const placed = place(short, places, { left, step });
  return { left, step, labels: placed, lines: 1 + Math.max(0, ...placed.map(({ line }) => line)) };
}

function axisMarks(subject: AttentionSubject, { left, step, labels, lines }: Axis, base: number): readonly Mark[] {
  const { count, firstToken, reads } = subject;
  const { firstLine, every: everyOf, colourOf }: Kind = kinds[reads];
  const first = base + firstLine;
  const marks = labels.map(({ text, x, line }, key): Mark => {
    const colour = colourOf(subject, key);
    return { kind: "text", x, y: first + LINE * line, text, anchor: "middle", colour };
  });
  const every = everyOf(count, step);
  for (let number = every; number <= count; number += every) {
    const x = left + (number - 1 + firstToken + 0.5) * step;
    const y = first + 15 + LINE * (lines - 1);
    marks.push({ kind: "text", x, y, text: `${number}`, anchor: "middle", colour: QUIET });
  }
  return marks;
}

/** The bars of one query. */
interface Bars {
  /** The weights. */
  readonly row: Float32Array;
  readonly query: number;
  /** Where they stand. */
  readonly base: number;
  /** The weight of the full height. */
  readonly highest: number;
  readonly heightOf: (weight: number) => number;
}

/**
 * The largest bars by name, that of the query itself only where it is cut: above its own bar, in its middle or to one
 * side of it, and on no other bar or name.
 */
function partnerNames(
  subject: AttentionSubject,
  { left, step }: Axis,
  { row, query, base, highest, heightOf }: Bars,
): readonly Mark[] {
  const taken: { readonly from: number; readonly to: number }[] = [];
  const highestBetween = (from: number, to: number) => {
    const [first, last] = [from, to].map((x) => Math.floor((x - left) / step));
    return Math.max(...Array.from(row.subarray(Math.max(0, first ?? 0), (last ?? 0) + 1), heightOf));
  };
  const keys = Array.from(row.keys())
    .filter((key) => (row[key] ?? 0) > (key === query ? highest : 0))
    .toSorted((a, b) => (row[b] ?? 0) - (row[a] ?? 0));
  const marks: Mark[] = [];
  for (const key of keys.slice(0, 4 * NAMED_PARTNERS)) {
    const weight = row[key] ?? 0;
    const share = weight > highest ? ` ${percent(weight)}` : "";
    const text = `${shortName(subject, key, LABEL_LETTERS)}${share}`;
    const width = textWidth(text);
    const bar = left + key * step;
    const places = [bar + 0.4 * step - width / 2, bar, bar + 0.8 * step - width].map((x) =>
      Math.min(WIDTH - 3 - width, Math.max(left - 6, x)),
    );
    const isFree = (x: number) =>
      !taken.some(({ from, to }) => x - 3 < to && x + width + 3 > from) &&
      highestBetween(x, x + width) <= heightOf(weight) + 0.5;
    const from = places.find(isFree);
    if (from === undefined) continue;
    taken.push({ from: from - 3, to: from + width + 3 });
    marks.push({ kind: "text", x: from + width / 2, y: base - heightOf(weight) - 3, text, anchor: "middle" });
    if (taken.length === NAMED_PARTNERS) break;
  }
  return marks;
}

function percent(weight: number): string {
  return `${Number((100 * weight).toPrecision(2))}%`;
}
