// Bars of single tokens: no name lies on another, however long the pieces of a text are.

import { expect, it } from "vitest";

import { textWidth } from "../picture/picture.ts";
import type { AttentionSubject } from "./subject.ts";
import { tokensFigure } from "./tokens-figure.ts";

const pieces = ["internationalization", "counterrevolutionaries", "a", "##bly", "misunderstanding", "of", "<b>"];

/** A special token that receives 60 % of everything, and pieces that share the rest by a formula. */
function subjectOf(count: number): AttentionSubject {
  const own = Array.from({ length: count }, (_, index) => pieces[index % pieces.length] ?? "");
  const length = count + 2;
  const weights = Float32Array.from({ length: length * length }, (_, index) => {
    const [query, key] = [Math.floor(index / length), index % length];
    return key === 0 ? 0.6 : (0.8 * (1 + ((query * 7 + key * 13) % 5))) / (6 * length);
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
