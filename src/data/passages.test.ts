/** Paragraphs, sentences, and pairs of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evenlyChosen, paragraphsOf, sentencePairs, sentencesOf } from "./passages.ts";

describe("paragraphsOf", () => {
  it("joins the lines between blank ones, whatever the line ends", () => {
    expect(paragraphsOf("\nOne\nline.\n \n\nTwo.\r\n\r\nThree\r\nmore.\n")).toEqual([
      "One line.",
      "Two.",
      "Three more.",
    ]);
  });

  it("takes every line of a text without blank ones", () => {
    expect(paragraphsOf("one\ntwo\n  three \n")).toEqual(["one", "two", "three"]);
    expect(paragraphsOf(" \n ")).toEqual([]);
  });
});

describe("sentencesOf", () => {
  it("cuts behind punctuation, closing quotes included, and loses nothing", () => {
    expect(sentencesOf('"Is it?" she said. "It is!” No')).toEqual(['"Is it?"', "she said.", '"It is!”', "No"]);
    const words = fc.array(fc.constantFrom("a", "b.", "c!", 'd."', "e?"), { minLength: 1 });
    fc.assert(fc.property(words, (each) => sentencesOf(each.join(" ")).join(" ") === each.join(" ")));
  });
});

describe("sentencePairs", () => {
  it("pairs first sentences with what follows, and leaves short ones out", () => {
    const [long, rest] = ["It was a truth acknowledged.", "However little known it was. It is so."];
    expect(sentencePairs([`${long} ${rest}`, `No. ${long}`, `${long} No.`, long])).toEqual([
      { query: long, document: rest },
    ]);
    expect(sentencePairs(["Ab. Cd."], 3)).toEqual([{ query: "Ab.", document: "Cd." }]);
  });
});

describe("evenlyChosen", () => {
  it("keeps the order, chooses as many as it may, and begins with the first", () => {
    const sizes = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(sizes, ([length, most]) => {
        const chosen = evenlyChosen(
          Array.from({ length }, (_, index) => index),
          most,
        );
        expect(chosen).toHaveLength(Math.min(length, most));
        expect(chosen).toEqual([...new Set(chosen)].toSorted((a, b) => a - b));
        if (length > 0) expect(chosen[0]).toBe(0);
      }),
    );
  });
});
