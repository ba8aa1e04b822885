/** Known sequences cover themselves, their parts, and what holds them; and nothing else. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { proteinVocabulary } from "../data/index.ts";
import { createKnownSequences } from "./novelty.ts";

const known = (...sequences: readonly string[]) =>
  createKnownSequences(
    sequences.map((sequence, index) => ({ id: `P${index}`, tokenIds: proteinVocabulary.encode(sequence) })),
    proteinVocabulary,
  );

const protein = fc
  .array(fc.constantFrom("A", "C", "D", "E"), { minLength: 1, maxLength: 12 })
  .map((letters) => letters.join(""));

describe("known sequences", () => {
  it("cover what is equal, part of one, or holds one", () => {
    const { covers, count } = known("MKVLAT", "GGGG");
    expect(count).toBe(2);
    expect(["MKVLAT", "KVL", "AMKVLATC", "GG", "GGGGG"].map(covers)).toEqual([true, true, true, true, true]);
    expect(["MKVLAC", "ATGG", "MKVGGG"].map(covers)).toEqual([false, false, false]);
  });

  it("cover exactly what one of them contains or is contained in", () => {
    fc.assert(
      fc.property(fc.array(protein, { minLength: 1, maxLength: 5 }), protein, (all, asked) => {
        const expected = all.some((each) => each.includes(asked) || asked.includes(each));
        expect(known(...all).covers(asked)).toBe(expected);
      }),
    );
  });

  it("name the one that shares most words of three letters", () => {
    const { nearest } = known("AAAAAA", "MKVLAT", "MKVGGG");
    expect(nearest("MKVLAT")).toEqual({ id: "P1", kmerJaccard: 1 });
    // MKV, KVL and VLC against MKV, KVL, VLA and LAT: two of five.
    expect(nearest("MKVLC")).toEqual({ id: "P1", kmerJaccard: 2 / 5 });
    expect(nearest("MK")).toEqual({ id: "P0", kmerJaccard: 0 });
    expect(known().nearest("MKV")).toBeUndefined();
  });
});
