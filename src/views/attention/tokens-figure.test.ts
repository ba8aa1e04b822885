/** Bars of single tokens: no name lies on another, however long the pieces of a text are. */

import { expect, it } from "vitest";

import { textWidth } from "../picture/picture.ts";
import type { AttentionSubject } from "./subject.ts";
import { tokensFigure } from "./tokens-figure.ts";

const pieces = ["internationalization", "counterrevolutionaries", "a", "##bly", "misunderstanding", "of", "<b>"];

/** A special token that receives 60 % of everything, and pieces that share the rest by a formula. */
const shared = (query: number, key: number, length: number) =>
  key === 0 ? 0.6 : (0.8 * (1 + ((query * 7 + key * 13) % 5))) / (6 * length);

function subjectOf(count: number, weightOf = shared): AttentionSubject {
  const own = Array.from({ length: count }, (_, index) => pieces[index % pieces.length] ?? "");
  const length = count + 2;
  const weights = Float32Array.from({ length: length * length }, (_, index) => {
    const [query, key] = [Math.floor(index / length), index % length];
    return weightOf(query, key, length);
  });
  return {
    id: '"a text"',
    reads: "text",
    words: { unit: "token", units: "tokens", sample: "text" },
    attention: { length, causal: false, maps: [{ layer: 0, head: 0, mechanism: "exact", weights }] },
    labels: ["[CLS]", ...own, "[SEP]"],
    names: ["[CLS]", ...own.map((piece, index) => `${piece}(${index + 1})`), "[SEP]"],
    firstToken: 1,
    count,
    darkest: 4,
  };
}

const textsOf = (subject: AttentionSubject) =>
  tokensFigure(subject, [1, subject.count]).marks.filter((mark) => mark.kind === "text");

it.each([1, 2, 5, 11, 20, 47, 80, 254])("draws no name on another, of %i pieces", (count) => {
  const lines = new Map<number, readonly (readonly [from: number, to: number])[]>();
  for (const { text, x, y, size = 10, anchor = "start" } of textsOf(subjectOf(count))) {
    const width = textWidth(text, size);
    const from = x - { start: 0, middle: 0.5, end: 1 }[anchor] * width;
    lines.set(y, [...(lines.get(y) ?? []), [from, from + width]]);
  }
  for (const spans of lines.values()) {
    const sorted = spans.toSorted((a, b) => a[0] - b[0]);
    sorted.slice(1).forEach(([from], place) => expect(from).toBeGreaterThanOrEqual(sorted[place]?.[1] ?? 0));
    expect(sorted[0]?.[0]).toBeGreaterThanOrEqual(0);
    expect(sorted.at(-1)?.[1]).toBeLessThanOrEqual(960);
  }
});

it("shows pieces where they have room, and numbers alone where they have none", () => {
  const shown = (count: number) => textsOf(subjectOf(count)).map(({ text }) => text);
  expect(shown(5)).toEqual(expect.arrayContaining(["[CLS]", "internationa..", "##bly", "5", "internationa..(1)"]));
  expect(shown(254)).not.toContain("##bly");
  expect(shown(254)).toContain("250");
});

it("measures bars by the text's own tokens, and says what is beyond", () => {
  const texts = textsOf(subjectOf(5)).map(({ text }) => text);
  expect(texts).toContain("[CLS] 60%");
  const bars = tokensFigure(subjectOf(5), [1]).marks.filter((mark) => mark.kind === "box" && mark.fill === "#2563c9");
  expect(Math.max(...bars.map((bar) => (bar.kind === "box" ? bar.height : 0)))).toBeCloseTo(90, 5);
});

/** Heights of the bars, token by token: the marks that are a little narrower than a token. */
const heightsOf = (subject: AttentionSubject, query: number) =>
  tokensFigure(subject, [query]).marks.flatMap((mark) =>
    mark.kind === "box" && mark.height > 2 ? [Math.round(1000 * mark.height) / 1000] : [],
  );

it.each(["text", "proteins"] as const)(
  "measures bars by the other tokens, and cuts the query's own, of %s",
  (reads) => {
    // Half to itself, a quarter to the token before, and the rest to all others of five.
    const weightOf = (query: number, key: number) => (key === query ? 0.5 : key === query - 1 ? 0.25 : 0.25 / 3);
    const subject = { ...subjectOf(3, weightOf), reads };
    expect(heightsOf(subject, 3)).toEqual([30, 30, 90, 90, 30]);
    const texts = tokensFigure(subject, [3]).marks.flatMap((mark) => (mark.kind === "text" ? [mark.text] : []));
    expect(texts).toContain("25%");
    expect(texts).toContain("a(3) 50%");
  },
);

it("draws what uniform attention would be where it is, or not at all", () => {
  const dashesOf = (most: number) => {
    const subject = subjectOf(3, (_, key) => (key === 0 ? 1 - 4 * most : most));
    return tokensFigure(subject, [2]).marks.filter(
      ({ kind, ...mark }) => kind === "box" && "width" in mark && mark.width <= 3,
    );
  };
  // Of five tokens, 20 % each.
  expect(dashesOf(0.22).length).toBeGreaterThan(100);
  expect(dashesOf(0.19)).toEqual([]);
});

it("measures the bar of a query that sees nobody else by itself", () => {
  const alone = subjectOf(3, (query, key) => Number(query === key));
  expect(heightsOf(alone, 2)).toEqual([90]);
});
