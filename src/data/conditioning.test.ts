/** Conditioning tags: which sequences get one, where batches write it, and how often training leaves it out. */
import { describe, expect, test } from "vitest";
import { inPieces, utf8 } from "../../tests/data/fasta-sources.ts";
import { planEvaluation, planTraining } from "./batches.ts";
import { readPieces } from "./bytes.ts";
import { splitNames, type SequenceDataset } from "./datasets.ts";
import { createFastaScanner } from "./fasta-scan.ts";
import { planMaskedEvaluation, planMaskedTraining } from "./masked.ts";
import { createPacker } from "./packed.ts";
import { packedDataset } from "./packed-dataset.ts";
import { loadProteins, type LoadProteinsOptions } from "./proteins.ts";
import { withTags } from "./conditioning.ts";
import { tagId } from "./vocabularies/tags.ts";
import { byteVocabulary } from "./vocabularies/bytes.ts";
import { letterVocabulary, proteinVocabulary } from "./vocabularies/letters.ts";
import type { Vocabulary } from "./vocabulary.ts";

type Options = Omit<LoadProteinsOptions, "source" | "name" | "vocabulary"> & { readonly vocabulary?: Vocabulary };

async function load(text: string, options: Options): Promise<SequenceDataset> {
  return loadProteins({ source: new Blob([text]).stream(), name: "test.fasta", ...options });
}

/** The same by packing, as files are read. */
async function pack(text: string, { vocabulary = proteinVocabulary, ...options }: Options): Promise<SequenceDataset> {
  const packer = createPacker("test.fasta", vocabulary);
  const scanner = createFastaScanner("test.fasta", packer);
  for await (const piece of readPieces(inPieces(utf8(text), 11), () => "test.fasta")) scanner.push(piece);
  scanner.finish();
  const records = { ...packer.table(), tokens: packer.tokens, headers: packer.headers, vocabulary };
  return packedDataset(records, { name: "test.fasta", ...options });
}

/** The token in front of every sequence. */
function starts({ splits, vocabulary }: SequenceDataset): Record<string, string> {
  const all = splitNames.flatMap((split) => splits[split]);
  return Object.fromEntries(
    all.map(({ id, startId }) => [id, startId === undefined ? "-" : vocabulary.decode([startId])]),
  );
}

const byFamily = [
  ">P1 train globin\nMKV",
  ">P2 train globin\nMKA",
  ">P3 train -\nMKL",
  ">P4 train kinase\nMKC",
  ">P5 train kinase\nMKD",
  ">P6 train rare\nMKE",
  ">P7 ood unseen\nMKF",
  ">P8 ood unseen\nMKF",
  ">P9 test globin\nMKG\n",
].join("\n");

const byOrganism = [
  ">sp|P00001|A_BOVIN One OS=Bos taurus OX=9913 PE=1\nMKV",
  ">sp|P00002|B_BOVIN Two OS=Bos taurus OX=9913 PE=1\nMKA",
  ">UniRef50_P00003 Three n=2 Tax=Bacillus TaxID=1386\nMKL",
  ">UniRef50_P00004 Four n=2 Tax=Bacillus TaxID=1386\nMKL",
  ">P00005 nothing known\nMKC\n",
].join("\n");

describe.each([
  ["in memory", load],
  ["packed", pack],
])("tags of a data set that is %s", (_, read) => {
  test("are the families of enough training sequences, by name, and stand before the sequences of all splits", async () => {
    const dataset = await read(byFamily, { splitBy: "header", tags: "family", minTagged: 2 });
    expect(dataset.vocabulary.tags).toEqual(["globin", "kinase"]);
    expect(dataset.vocabulary.tokens.slice(proteinVocabulary.size)).toEqual(["<globin>", "<kinase>"]);
    expect(starts(dataset)).toEqual({
      P1: "<globin>",
      P2: "<globin>",
      P3: "-",
      P4: "<kinase>",
      P5: "<kinase>",
      // One training sequence, and none.
      P6: "-",
      P7: "-",
      P8: "-",
      P9: "<globin>",
    });
    const plain = await read(byFamily, { splitBy: "header" });
    expect(plain.vocabulary).toBe(proteinVocabulary);
    expect(Object.values(starts(plain)).every((start) => start === "-")).toBe(true);
    for (const split of splitNames) {
      const [own, other] = [dataset, plain].map(({ splits }) =>
        splits[split].map(({ id, family, tokenIds }) => ({ id, family, tokenIds })),
      );
      expect(own).toEqual(other);
    }
  });

  test("are families whatever parts the records, of headers or of a table", async () => {
    const hashed = await read(byFamily, { splitBy: "hash", tags: "family", minTagged: 1 });
    expect(starts(hashed)).toMatchObject({ P1: "<globin>", P3: "-", P9: "<globin>" });
    const families = new Map([
      ["P1", ["first", "second"]],
      ["P3", ["third"]],
    ]);
    const tabled = await read(byFamily, { splitBy: "header", tags: "family", minTagged: 1, families });
    expect(tabled.vocabulary.tags).toEqual(["first", "third"]);
    expect(starts(tabled)).toMatchObject({ P1: "<first>", P2: "-", P3: "<third>" });
  });

  test("are organisms as UniProt's headers name them", async () => {
    const dataset = await read(byOrganism, { splitBy: "hash", tags: "organism", minTagged: 1 });
    expect(dataset.vocabulary.tags).toEqual(["Bacillus", "Bos taurus"]);
    expect(Object.values(starts(dataset)).toSorted()).toEqual([
      "-",
      "<Bacillus>",
      "<Bacillus>",
      "<Bos taurus>",
      "<Bos taurus>",
    ]);
  });

  test("are those of a trained model's vocabulary, whatever the records name", async () => {
    const vocabulary = withTags(proteinVocabulary, ["absent", "rare", "unseen"]);
    const dataset = await read(byFamily, { splitBy: "header", tags: "family", vocabulary });
    expect(dataset.vocabulary).toBe(vocabulary);
    expect(starts(dataset)).toMatchObject({ P1: "-", P3: "-", P6: "<rare>", P7: "<unseen>" });
    const others = await read(">P1 train globin\nMK\n", { splitBy: "header", tags: "family", vocabulary });
    expect(starts(others)).toEqual({ P1: "-" });
  });

  test("are refused where there are none, with the remedy", async () => {
    await expect(read(byFamily, { splitBy: "header", tags: "family" })).rejects.toThrow(
      'test.fasta: tags need a family of at least 5 training sequences (data.tags, data.minTagged), got at most 2, of "globin"; lower data.minTagged, or leave data.tags out.',
    );
    await expect(read(byFamily, { splitBy: "header", tags: "organism" })).rejects.toThrow(
      /tags need an organism of at least 5 .* got headers without any; take a file with headers of UniProt/,
    );
    await expect(
      read(byFamily, { splitBy: "header", tags: "family", families: new Map([["Q1", ["x"]]]) }),
    ).rejects.toThrow("got a table that names none of the accessions; name a table");
    await expect(read(byFamily, { splitBy: "header", tags: "family", minTagged: 0 })).rejects.toThrow(
      "minTagged (data.minTagged) must be a positive integer, got 0",
    );
    await expect(read(">P1 train <x>\nMK\n", { splitBy: "header", tags: "family", minTagged: 1 })).rejects.toThrow(
      /without control characters, < and >.*got "<x>" at position 1; rename it/,
    );
  });
});

const vocabulary = letterVocabulary({ name: "test", letters: "ABCDEFGH", tags: ["x", "y"] });
const { bosId, eosId, padId } = vocabulary;
const x = tagId(vocabulary, "x", "test");
const tagged = { id: "tagged", startId: x, tokenIds: vocabulary.encode("ABCDE") };
const plain = { id: "plain", tokenIds: vocabulary.encode("FG") };
const sizes = { tokensPerBatch: 12, bucketStep: 1, vocabulary };

/** The rows of all batches, without their padding. */
function rowsOf(batches: Iterable<{ readonly seqLen: number; readonly inputIds: Int32Array }>): number[][] {
  return [...batches].flatMap(({ inputIds, seqLen }) =>
    Array.from({ length: inputIds.length / seqLen }, (_, row) =>
      [...inputIds.subarray(row * seqLen, (row + 1) * seqLen)].filter((id) => id !== padId),
    ),
  );
}

describe("batches", () => {
  test("read a tag in place of <bos>, which is no target, and in no later window", () => {
    const batches = planEvaluation({ ...sizes, sequences: [tagged, plain], maxSeqLen: 4 });
    const [A, B, C, D, E] = tagged.tokenIds;
    const rows = rowsOf(batches);
    expect(rows).toContainEqual([x, A, B, C]);
    expect(rows).toContainEqual([D, E]);
    expect(rows).toContainEqual([bosId, ...plain.tokenIds]);
    const targets = batches.flatMap(({ targetIds, weights }) => [...targetIds].filter((_, at) => weights[at] === 1));
    expect(targets.toSorted((a, b) => a - b)).toEqual([eosId, eosId, ...tagged.tokenIds, ...plain.tokenIds]);
  });

  test("of masked training read it there too, neither hide it nor put it anywhere else", () => {
    // A row a batch, so that none is filled up.
    const options = { ...sizes, tokensPerBatch: 5, sequences: [tagged, plain], maxSeqLen: 5, seed: 7, maskRate: 1 };
    const starting = rowsOf(planMaskedEvaluation(options)).map(([first]) => first);
    expect(starting.toSorted((a = 0, b = 0) => a - b)).toEqual([bosId, bosId, x]);
    const { batchAt } = planMaskedTraining({ ...options, tagDropout: 0 });
    for (let step = 0; step < 20; step++) {
      for (const row of rowsOf([batchAt(step)])) expect(row.slice(1).some((id) => id >= x)).toBe(false);
    }
  });

  test("of training leave out as many tags as they are told to, by the seed and the step", () => {
    const sequences = Array.from({ length: 6 }, (_, index) => ({ ...tagged, id: `${index}` }));
    const options = { ...sizes, tokensPerBatch: 36, sequences, maxSeqLen: 6, seed: 7 };
    const steps = 200;
    const starting = (plan: ReturnType<typeof planTraining>) =>
      Array.from({ length: steps }, (_, step) => rowsOf([plan.batchAt(step)]).map(([first]) => first)).flat();
    const drawn = starting(planTraining(options));
    expect(new Set(drawn)).toEqual(new Set([x, bosId]));
    const left = drawn.filter((id) => id === bosId).length;
    // Four standard errors of a share of 0.1 of 1200 rows.
    expect(Math.abs(left - 120)).toBeLessThan(4 * Math.sqrt(0.1 * 0.9 * 1200));
    expect(starting(planTraining(options))).toEqual(drawn);
    expect(starting(planTraining({ ...options, seed: 8 }))).not.toEqual(drawn);
    expect(new Set(starting(planTraining({ ...options, tagDropout: 0 })))).toEqual(new Set([x]));
    for (const tagDropout of [-0.1, 1, Number.NaN]) {
      expect(() => planTraining({ ...options, tagDropout })).toThrow(
        `planTraining: tagDropout must be in [0, 1), got ${tagDropout}`,
      );
    }
  });
});

test("withTags exchanges the tags of an alphabet, and of an alphabet only", () => {
  expect(withTags(proteinVocabulary, [])).toBe(proteinVocabulary);
  expect(withTags(vocabulary, []).toJSON()).toEqual({ kind: "letters", name: "test", letters: "ABCDEFGH" });
  expect(withTags(vocabulary, ["z"]).tags).toEqual(["z"]);
  expect(() => withTags(byteVocabulary, ["z"])).toThrow("tags must come with an alphabet, got the vocabulary byte");
});
