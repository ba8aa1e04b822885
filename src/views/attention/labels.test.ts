/** Labels of tokens: what they are called, and that they never lie on one another. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { textWidth } from "../picture/picture.ts";
import { labelsOf, placeLabels } from "./labels.ts";
import { shortLabel } from "./subject.ts";

const tokens = ["[CLS]", "[SEP]", "eat", "##ing", " ", "\n", "\u0001", "\uD800"];
const input = { before: [0], own: Int32Array.of(2, 3), after: [1], tokens };

describe("labels", () => {
  it("of texts are the tokenizer's pieces, with numbers where they are named", () => {
    const { labels, names } = labelsOf({ ...input, reads: "text" });
    expect(labels).toEqual(["[CLS]", "eat", "##ing", "[SEP]"]);
    expect(names).toEqual(["[CLS]", "eat(1)", "##ing(2)", "[SEP]"]);
  });

  it("of proteins are letters, and signs for what is around them", () => {
    const { labels, names } = labelsOf({ ...input, tokens: ["<cls>", "<eos>", "M", "K"], reads: "proteins" });
    expect(labels).toEqual(["^", "M", "K", "$"]);
    expect(names).toEqual(["<cls>", "M1", "K2", "<eos>"]);
  });

  it("show blanks, and hold nothing that XML forbids", () => {
    const { labels } = labelsOf({ ...input, own: Int32Array.of(4, 5, 6, 7), reads: "text" });
    expect(labels.slice(1, -1)).toEqual(["␣", "⏎", "\uFFFD", "\uFFFD"]);
  });

  it("end in dots where they are too long, whatever their letters are", () => {
    expect(shortLabel("eating", 6)).toBe("eating");
    expect(shortLabel("🙂🙂🙂🙂🙂", 4)).toBe("🙂🙂..");
  });
});

describe("placed labels", () => {
  const within = [10, 950] as const;
  const lines = 4;

  it("never lie on one another, and stay inside, or are not placed at all", () => {
    const letter = fc.constantFrom("a", "b", "#");
    const label = fc.array(letter, { minLength: 1, maxLength: 14 }).map((letters) => letters.join(""));
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 80 }), (labels) => {
        const step = (within[1] - within[0]) / labels.length;
        const places = labels.map((_, index) => within[0] + (index + 0.5) * step);
        const placed = placeLabels(labels, places, within, lines);
        if (placed === undefined) {
          // Of fewer, four steps are wider than the longest label, at the edges too.
          expect(labels.length).toBeGreaterThan(28);
          return;
        }
        expect(placed.map(({ text }) => text)).toEqual(labels);
        const ends = new Map<number, number>();
        for (const { text, x, line } of placed) {
          const half = textWidth(text) / 2;
          expect(x - half).toBeGreaterThanOrEqual(Math.max(within[0], ends.get(line) ?? 0) - 1e-9);
          expect(x + half).toBeLessThanOrEqual(within[1] + 1e-9);
          expect(line).toBeLessThan(lines);
          ends.set(line, x + half);
        }
      }),
    );
  });

  it("stand on one line where they are short, and are left out where there are too many", () => {
    const places = [100, 200, 300];
    expect(placeLabels(["a", "b", "c"], places, within, 1)).toEqual(
      ["a", "b", "c"].map((text, index) => ({ text, x: places[index], line: 0 })),
    );
    const many = Array.from({ length: 400 }, () => "eating");
    expect(
      placeLabels(
        many,
        many.map((_, index) => 10 + 2 * index),
        within,
        lines,
      ),
    ).toBeUndefined();
  });
});
