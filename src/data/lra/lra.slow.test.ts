/** All generated tasks: balance, seeds, no repetition; and Pathfinder against a flood fill. */
import { describe, expect, test } from "vitest";
import { classCounts, documents, smallListOps } from "../../../tests/data/lra-sources.ts";
import { toImage, type PixelImage } from "../images/pixels.ts";
import { generateListOps } from "./listops.ts";
import { generatePathfinder } from "./pathfinder.ts";
import { generateRetrieval } from "./retrieval.ts";
import type { LabelledDataset, LabelledSequence } from "../labelled/types.ts";

const sizes = { train: 43, valid: 20, test: 11 };

function all({ splits }: LabelledDataset): LabelledSequence[] {
  return [...splits.train, ...splits.valid, ...splits.test];
}

const generators: Readonly<Record<string, (seed: number, train: number) => LabelledDataset>> = {
  listops: (seed, train) => generateListOps({ seed, sizes: { ...sizes, train }, ...smallListOps }),
  pathfinder: (seed, train) =>
    generatePathfinder({ seed, sizes: { ...sizes, train }, numDashes: 4, numDistractors: 3 }),
  retrieval: (seed, train) => generateRetrieval({ seed, sizes: { ...sizes, train }, documents, passageLength: 30 }),
};

describe.each(Object.entries(generators))("%s", (_name, generate) => {
  const data = generate(1, sizes.train);

  test("has the asked sizes, as many of each class as there can be, and no sequence twice", () => {
    const { splits, numClasses, classNames } = data;
    expect(numClasses).toBe(classNames.length);
    for (const split of ["train", "valid", "test"] as const) {
      expect(splits[split]).toHaveLength(sizes[split]);
      const counts = classCounts(splits[split], numClasses);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(new Set(all(data).map(({ tokenIds }) => tokenIds.join())).size).toBe(all(data).length);
  });

  test("follows the seed, and its test split no other split's size", () => {
    expect(generate(1, sizes.train).splits).toEqual(data.splits);
    expect(generate(1, 3).splits.test).toEqual(data.splits.test);
    expect(generate(2, sizes.train).splits.test).not.toEqual(data.splits.test);
  });

  test("does not come sorted by class", () => {
    const labels = data.splits.train.map(({ label }) => label);
    expect(labels).not.toEqual(labels.toSorted((a, b) => a - b));
  });
});

test("generateListOps says when there are too few sequences", () => {
  // Only 4 · 100 sequences of 4 words exist, of which the value 7 has 39: no 40 of it.
  const few = { seed: 1, sizes: { train: 4000, valid: 0, test: 0 }, minLength: 4, maxLength: 4 };
  expect(() => generateListOps(few)).toThrow("listops: there must be 4000 distinct balanced examples for train, got");
});

describe("generatePathfinder", () => {
  const isWhite = ({ width, height, pixels }: PixelImage, x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && (pixels[y * width + x] ?? 0) > 0;

  /** The centres of 5 × 5 squares that are white but for their corners. */
  function findDiscs(image: PixelImage): { x: number; y: number }[] {
    return [...image.pixels.keys()]
      .map((i) => ({ x: i % image.width, y: Math.floor(i / image.width) }))
      .filter(({ x, y }) =>
        [-2, -1, 0, 1, 2].every((dx) =>
          [-2, -1, 0, 1, 2].every((dy) => Math.abs(dx * dy) === 4 || isWhite(image, x + dx, y + dy)),
        ),
      );
  }

  /** Everything that steps of at most 2 pixels reach on white. */
  function flood(image: PixelImage, start: { x: number; y: number }): Set<number> {
    const reached = new Set([start.y * image.width + start.x]);
    for (const i of reached) {
      for (let dx = -2; dx <= 2; dx++) {
        for (let dy = -2; dy <= 2; dy++) {
          const [x, y] = [(i % image.width) + dx, Math.floor(i / image.width) + dy];
          if (isWhite(image, x, y)) reached.add(y * image.width + x);
        }
      }
    }
    return reached;
  }

  test("has two discs, connected where the label says so, and none of it by the number of paths or pixels", () => {
    const numDistractors = 3;
    const data = generatePathfinder({ seed: 5, sizes: { train: 200, valid: 0, test: 0 }, numDistractors });
    expect(data.imageShape).toEqual({ width: 32, height: 32, channels: 1 });
    for (const { tokenIds, label } of data.splits.train) {
      const image = toImage(tokenIds, data.imageShape);
      const discs = findDiscs(image);
      expect(discs).toHaveLength(2);
      const [first = { x: 0, y: 0 }, second = { x: 0, y: 0 }] = discs;
      const reached = flood(image, first);
      expect(reached.has(second.y * 32 + second.x)).toBe(label === 1);
      // As many separate paths in both classes.
      const left = new Set([...image.pixels.keys()].filter((i) => (image.pixels[i] ?? 0) > 0));
      let numPaths = 0;
      for (const i of left) {
        numPaths += 1;
        for (const j of flood(image, { x: i % 32, y: Math.floor(i / 32) })) left.delete(j);
      }
      expect(numPaths).toBe(2 + numDistractors);
    }
  });

  test("says when paths find no room", () => {
    expect(() => generatePathfinder({ seed: 1, size: 8, numDashes: 9 })).toThrow(
      "generatePathfinder: the paths must find room beside one another, got none for 2 paths of 9 dashes and 5 short ones on 8 × 8",
    );
    expect(() => generatePathfinder({ seed: 1, numDistractors: -1 })).toThrow(
      "numDistractors a whole number from 0 on, got numDashes 6, numDistractors -1",
    );
  });
});
