/** How near to uniform the structured blocks are: fourth moments, small sizes, sizes between powers of two. */
import { describe, expect, test } from "vitest";
import { createRandom, type Random } from "./generator.ts";
import { givensBlock, hadamardBlock, numGivensRounds } from "./structured.ts";

/** Statistical bounds are this many standard errors wide; seeds are fixed, so that a pass stays a pass. */
const STANDARD_ERRORS = 4;
const TOLERANCE = { float64: 1e-12 };

type DrawBlock = (headDim: number, random: Random) => Float64Array;

/** The mean over blocks of the mean fourth power of a block's entries, and its standard error. */
function fourthMoment(drawBlock: DrawBlock, headDim: number, numBlocks: number): { mean: number; error: number } {
  const random = createRandom(59, "fourth", headDim);
  const means = Array.from({ length: numBlocks }, () => {
    const block = drawBlock(headDim, random);
    return block.reduce((sum, entry) => sum + entry * entry * entry * entry, 0) / block.length;
  });
  const mean = means.reduce((sum, value) => sum + value, 0) / numBlocks;
  const variance = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numBlocks;
  return { mean, error: Math.sqrt(variance / numBlocks) };
}

describe("hadamardBlock", () => {
  test("knows the diagonals alone at headDim 2, and both signs of every entry", () => {
    const random = createRandom(61);
    const seen = new Set<string>();
    for (let n = 0; n < 100; n++) {
      const block = hadamardBlock(2, random);
      expect(block).toHaveLength(4);
      for (const entry of block) expect(Math.abs(Math.abs(entry) - Math.SQRT1_2)).toBeLessThan(TOLERANCE.float64);
      seen.add(Array.from(block.subarray(0, 2), Math.sign).join());
    }
    expect(seen.size).toBe(4);
  });

  test.each([4, 8, 16])("has entries of fourth moment (3 − 6/P + 4/P²)/P² at P = %d", (size) => {
    const { mean, error } = fourthMoment(hadamardBlock, size, 701);
    expect(Math.abs(mean - (3 - 6 / size + 4 / size ** 2) / size ** 2)).toBeLessThan(STANDARD_ERRORS * error);
  });

  test("leaves out the rows that vanish with the columns cut off, and keeps at least headDim", () => {
    const random = createRandom(67);
    const numRows = new Set<number>();
    for (let n = 0; n < 100; n++) {
      const block = hadamardBlock(3, random);
      expect(block.every(Number.isFinite)).toBe(true);
      numRows.add(block.length / 3);
    }
    expect(numRows).toEqual(new Set([3, 4]));
  });

  test.each([11, 13])("has rows nearer to orthogonal than independent ones at headDim %d", (headDim) => {
    const random = createRandom(71, headDim);
    let [squares, numPairs] = [0, 0];
    for (let n = 0; n < 101; n++) {
      const block = hadamardBlock(headDim, random);
      for (let i = 0; i < block.length; i += headDim) {
        for (let j = 0; j < i; j += headDim) {
          let product = 0;
          for (let k = 0; k < headDim; k++) product += (block[i + k] ?? 0) * (block[j + k] ?? 0);
          squares += product ** 2;
          numPairs += 1;
        }
      }
    }
    // Independent unit rows have E cos² = 1/headDim; these (1 − headDim/16) of it, and a fifth more from the scaling.
    expect(squares / numPairs).toBeLessThan((1.3 * (1 - headDim / 16)) / headDim);
  });
});

describe("givensBlock", () => {
  test.each([2, 3, 5, 16])("has entries of the fourth moment 3/(n(n + 2)) of a uniform row at n = %d", (size) => {
    const { mean, error } = fourthMoment(givensBlock, size, 503);
    expect(Math.abs(mean - 3 / (size * (size + 2)))).toBeLessThan(STANDARD_ERRORS * error);
  });

  test("takes both orientations", () => {
    const random = createRandom(73);
    const determinants = Array.from({ length: 50 }, () => {
      const [a = 0, b = 0, c = 0, d = 0] = givensBlock(2, random);
      return Math.round(a * d - b * c);
    });
    expect(new Set(determinants)).toEqual(new Set([-1, 1]));
  });

  test("needs few rounds more when the size doubles", () => {
    expect([1, 2, 3, 16, 32, 64, 128].map(numGivensRounds)).toEqual([0, 1, 17, 31, 37, 41, 44]);
  });
});
