/** Splits by header and by hash, the embedded data's facts, and files that are not there. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { embeddedProteinsUrl, loadEmbeddedProteins, openFile } from "./files.ts";
import { getSplit, splitNames } from "./datasets.ts";
import { loadProteins, type LoadProteinsOptions, type ProteinDataset } from "./proteins.ts";
import { unigramBaseline } from "./unigram.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";

function load(text: string, splitBy: LoadProteinsOptions["splitBy"]): Promise<ProteinDataset> {
  return loadProteins({ source: new Blob([text]).stream(), name: "test.fasta", splitBy });
}

describe('loadProteins by "header"', () => {
  test("reads split and family from the header", async () => {
    const dataset = await load(">P1|A_B train PS00018\nMKV\n>P2|C_D ood -\nACD\n", "header");
    expect(dataset.name).toBe("test.fasta");
    expect(dataset.splits.train).toEqual([
      { id: "P1|A_B", family: "PS00018", tokenIds: proteinVocabulary.encode("MKV") },
    ]);
    expect(dataset.splits.ood).toEqual([{ id: "P2|C_D", tokenIds: proteinVocabulary.encode("ACD") }]);
    expect(dataset.splits.valid).toEqual([]);
  });

  test.each([
    { text: ">P1 train -\nMK\n>P2 human albumin\nMK\n", got: '"human"' },
    { text: ">P1 train -\nMK\n>P2\nMK\n", got: "a header of one word" },
  ])("suggests the other way when a header names no split: $got", async ({ text, got }) => {
    await expect(load(text, "header")).rejects.toThrow(
      `test.fasta, line 3, record P2: the header's second word must name the split (train, valid, test, ood), got ${got}; pass --split-by hash`,
    );
  });

  test("passes record, file and line on to the vocabulary's complaint", async () => {
    await expect(load(">P1 train -\nMK\n\n>P2 train -\nMK\nV-L\n", "header")).rejects.toThrow(
      /^test\.fasta, line 4, record P2: .* got "-" at position 4; replace or remove it; for text take another vocabulary: .*\.$/,
    );
  });
});

describe('loadProteins by "hash"', () => {
  const text = Array.from({ length: 4000 }, (_, i) => `>P${i} anything\nMKV\n`).join("");

  test("gives 90 % to train, 5 % to valid and to test, and nothing to ood", async () => {
    const { splits } = await load(text, "hash");
    // Four standard errors of a share p of 4000 records: 4·√(p(1 − p)·4000).
    expect(Math.abs(splits.train.length - 3600)).toBeLessThan(76);
    expect(Math.abs(splits.valid.length - 200)).toBeLessThan(56);
    expect(Math.abs(splits.test.length - 200)).toBeLessThan(56);
    expect(splits.ood).toEqual([]);
  });

  test("puts a record where its identifier says, whatever else the file holds", async () => {
    const { splits } = await load(text, "hash");
    const kept = splits.valid.slice(0, 5).map(({ id }) => id);
    // Provenance: this implementation; a change here would mix the splits of everyone's data.
    expect(kept).toEqual(["P29", "P65", "P125", "P127", "P129"]);
    const alone = await load(kept.map((id) => `>${id}\nACD\n`).join(""), "hash");
    expect(alone.splits.valid.map(({ id }) => id)).toEqual(kept);
  });
});

describe("getSplit", () => {
  test("names the splits that exist when the asked one is empty or unknown", async () => {
    const dataset = await load(">P1 train -\nMK\n>P2 test -\nMK\n", "header");
    expect(getSplit(dataset, "train")).toHaveLength(1);
    expect(() => getSplit(dataset, "ood")).toThrow(
      'data set test.fasta: the split must hold at least one sequence, got "ood", which is empty; use one of train, test.',
    );
    expect(() => getSplit(dataset, "dev")).toThrow('got "dev", which is not a split; use one of train, test.');
  });
});

describe("the embedded proteins", () => {
  test("have the published split sizes, families and letters", async () => {
    const { splits } = await loadEmbeddedProteins();
    expect(splitNames.map((name) => splits[name].length)).toEqual([1787, 255, 256, 240]);
    const all = splitNames.flatMap((name) => splits[name]);
    expect(all.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)).toBe(584_077);
    expect(Math.min(...all.map(({ tokenIds }) => tokenIds.length))).toBe(43);
    expect(Math.max(...all.map(({ tokenIds }) => tokenIds.length))).toBe(400);
    // The 20 standard letters have the ids 4 … 23.
    expect(all.every(({ tokenIds }) => tokenIds.every((id) => id >= 4 && id <= 23))).toBe(true);
    const familiesOf = (sequences: typeof all) => new Set(sequences.flatMap(({ family }) => family ?? []));
    const held = familiesOf([...splits.ood]);
    expect(held.size).toBe(12);
    const seen = familiesOf([...splits.train, ...splits.valid, ...splits.test]);
    expect(seen.size).toBe(73);
    expect([...held].filter((family) => seen.has(family))).toEqual([]);
    expect(splits.test.some(({ id }) => id === "P00974|BPT1_BOVIN")).toBe(true);
  });

  test("have the published unigram baselines", async () => {
    const dataset = await loadEmbeddedProteins();
    const train = getSplit(dataset, "train");
    // Provenance: data/README.md.
    for (const [split, accuracy, perplexity] of [
      ["train", 0.0918, 18.15],
      ["test", 0.0929, 18.17],
      ["ood", 0.0863, 18.04],
    ] as const) {
      const baseline = unigramBaseline(train, getSplit(dataset, split));
      expect(baseline.accuracy).toBeCloseTo(accuracy, 4);
      expect(baseline.perplexity).toBeCloseTo(perplexity, 2);
    }
  });
});

describe("unigramBaseline", () => {
  const sequence = (text: string) => ({ id: text, tokenIds: proteinVocabulary.encode(text) });

  test("is the formula with add-one smoothing over the 25 letters", () => {
    const { accuracy, perplexity } = unigramBaseline([sequence("AAC")], [sequence("AC"), sequence("W")]);
    expect(accuracy).toBeCloseTo(1 / 3, 12);
    expect(perplexity).toBeCloseTo(Math.cbrt((28 / 3) * (28 / 2) * 28), 10);
  });

  test("refuses sides without residues", () => {
    expect(() => unigramBaseline([], [sequence("A")])).toThrow("the training sequences must hold at least one residue");
    expect(() => unigramBaseline([sequence("A")], [])).toThrow(
      "the evaluated sequences must hold at least one residue",
    );
  });
});

describe("openFile", () => {
  test("streams a file by URL and by path", async () => {
    for (const path of [embeddedProteinsUrl, fileURLToPath(embeddedProteinsUrl)]) {
      let sizeBytes = 0;
      for await (const piece of openFile(path)) sizeBytes += piece.length;
      expect(sizeBytes).toBe(666_525);
    }
  });

  test("says that a file is missing, or a folder", async () => {
    await expect(openFile("no/such.fasta").next()).rejects.toThrow(
      'reading sequences: the file must exist and be readable, got "no/such.fasta", which does not exist; check the path',
    );
    await expect(openFile(new URL(".", import.meta.url)).next()).rejects.toThrow(
      /got the folder .*; name a file inside it/,
    );
  });
});
