/** Packing by length, and what batches are made of. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { all, proteins, tinyModel } from "../../tests/inference/tiny-proteins.ts";
import { cast } from "../ops/compare.ts";
import { packByLength } from "./pack-by-length.ts";
import { runSequences } from "./sequence-runs.ts";

describe("packByLength", () => {
  it("places every row once, in batches that hold it and keep to the budget", () => {
    const options = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 60 }),
      tokensPerBatch: fc.integer({ min: 1, max: 20_000 }),
      graphCost: fc.nat({ max: 20_000 }),
    });
    fc.assert(
      fc.property(options, ({ lengths, tokensPerBatch, graphCost }) => {
        const rows = lengths.map((length, index) => ({ length, index }));
        const batches = packByLength(rows, { tokensPerBatch, longest: 4999 + 1, graphCost });
        const placed = batches.flatMap((batch) => batch.rows.map(({ index }) => index));
        expect(placed.toSorted((a, b) => a - b)).toEqual([...rows.keys()]);
        const fits = batches.every(
          ({ batchSize, seqLen, rows }) =>
            rows.length > 0 &&
            rows.length <= batchSize &&
            rows.every(({ length }) => length <= seqLen) &&
            (batchSize === 1 || batchSize * seqLen <= tokensPerBatch),
        );
        expect(fits).toBe(true);
      }),
    );
  });

  it("brings rare lengths to the next one where a graph of their own costs more than padding", () => {
    const rows = [...Array<number>(40).fill(60), ...Array<number>(40).fill(120), 400, 400, 300, 300, 300].map(
      (length) => ({
        length,
      }),
    );
    const lengthsAt = (graphCost: number) => [
      ...new Set(packByLength(rows, { tokensPerBatch: 1024, longest: 5000, graphCost }).map(({ seqLen }) => seqLen)),
    ];
    expect(lengthsAt(0)).toEqual([448, 320, 128, 64]);
    expect(lengthsAt(1000)).toEqual([448, 128, 64]);
    expect(lengthsAt(3000)).toEqual([448, 128]);
    expect(lengthsAt(1e6)).toEqual([448]);
    // However far lengths were rounded, rows go together.
    expect(packByLength(rows, { tokensPerBatch: 1024, longest: 5000, graphCost: 1e6 }).length).toBeLessThan(45);
  });

  it("pads long rows by an eighth at most, and never beyond the longest that there may be", () => {
    const shapes = (length: number, longest: number) =>
      packByLength([{ length }], { tokensPerBatch: 8192, longest }).map(({ batchSize, seqLen }) => [batchSize, seqLen]);
    expect(shapes(3, Number.POSITIVE_INFINITY)).toEqual([[1, 64]]);
    expect(shapes(449, 450)).toEqual([[1, 450]]);
    expect(shapes(35_213, Number.POSITIVE_INFINITY)).toEqual([[1, 36_864]]);
  });
});

describe("runSequences", () => {
  const model = tinyModel();
  const echo = {
    ...model,
    wrap: "wrapped",
    build: ({ tokenIds }) => ({ ids: cast(tokenIds, "float32") }),
    read: ({ ids }, row, { id, tokenIds }) => {
      const [, width = 0] = ids?.shape ?? [];
      return { id, row: [...(ids?.data ?? [])].slice(row * width, row * width + tokenIds.length + 3).map(Number) };
    },
  } satisfies Partial<Parameters<typeof runSequences<{ id: string; row: number[] }>>[0]>;

  it("writes what stands around the tokens", async () => {
    const [sequence] = proteins(2);
    const rowOf = async (wrap: "causal" | "shifted" | "wrapped", startId?: number) =>
      (await all(runSequences({ ...echo, wrap, sequences: proteins(2).map((each) => ({ ...each, startId })) })))[0]
        ?.row;
    const [first = 0, second = 0] = sequence?.tokenIds ?? [];
    expect(await rowOf("wrapped")).toEqual([1, first, second, 2, 0]);
    expect(await rowOf("causal")).toEqual([1, first, second, 0, 0]);
    expect(await rowOf("shifted")).toEqual([1, first, 0, 0, 0]);
    // A conditioning tag.
    expect(await rowOf("wrapped", 10)).toEqual([10, first, second, 2, 0]);
    expect(await rowOf("shifted", 10)).toEqual([10, first, 0, 0, 0]);
    await expect(rowOf("causal", 11)).rejects.toThrow("P0: ids must be from 0 to 10, got 11");
  });

  it("refuses what would not fit in memory, before it runs", async () => {
    const run = all(runSequences({ ...echo, sequences: proteins(2), memoryLimitBytes: 100 }));
    await expect(run).rejects.toThrow(
      /P0: a sequence must fit in 0\.0 GB of memory, got 2 tokens.*use a model of linear/,
    );
  });

  it("refuses a budget of none, and a vocabulary of another model", async () => {
    await expect(all(runSequences({ ...echo, sequences: proteins(2), tokensPerBatch: 0 }))).rejects.toThrow(
      /tokensPerBatch must be a positive integer/,
    );
    const vocabulary = { ...model.vocabulary, size: 5 };
    await expect(all(runSequences({ ...echo, vocabulary, sequences: proteins(2) }))).rejects.toThrow(
      /vocabSize 11, got 5/,
    );
  });
});
