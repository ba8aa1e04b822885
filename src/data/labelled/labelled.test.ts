/** Labelled and tagged tables in all formats: what is read, what is refused and how, and the batches made of it. */
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { splitByHash } from "../datasets.ts";
import { characterVocabulary } from "../vocabularies/characters.ts";
import { letterVocabulary } from "../vocabularies/letters.ts";
import { planLabelledEvaluation, planLabelledTraining, planTaggedEvaluation, planTaggedTraining } from "./batches.ts";
import { loadLabelled, loadTagged, type LoadLabelledOptions } from "./datasets.ts";
import type { LabelledSequence, TaggedSequence } from "./types.ts";

const vocabulary = letterVocabulary({ name: "DNA", letters: "ACGT" });
const { padId, bosId, eosId } = vocabulary;

function load(name: string, content: string | ArrayBuffer, options: Partial<LoadLabelledOptions> = {}) {
  return loadLabelled({ source: new Blob([content]).stream(), name, vocabulary, ...options });
}

const rows = [
  { sequence: "ACGT", label: "enzyme", split: "train", id: "p1" },
  { sequence: "GG", label: "binding, other", split: "validation", id: "p2" },
  { sequence: "T", label: "enzyme", split: "test", id: "p3" },
];
const column = (key: keyof (typeof rows)[number]) => ({
  name: key,
  data: rows.map((row) => row[key]),
  type: "STRING" as const,
});

const tables: Readonly<Record<string, string | ArrayBuffer>> = {
  "x.csv": `sequence,label,split,id\r\nACGT,enzyme,train,p1\r\nGG,"binding, other",validation,p2\r\nT,enzyme,test,p3\r\n`,
  "x.tsv": `id\tsplit\tsequence\tlabel\np1\ttrain\tACGT\tenzyme\n\np2\tdev\tGG\tbinding, other\np3\ttest\tT\tenzyme`,
  "x.jsonl": rows.map((row) => `${JSON.stringify(row)}\n`).join("\n"),
  "x.parquet": parquetWriteBuffer({ columnData: [column("sequence"), column("label"), column("split"), column("id")] }),
};

describe("loadLabelled", () => {
  test.each(Object.keys(tables))("reads %s", async (name) => {
    const data = await load(name, tables[name] ?? "");
    expect(data).toEqual({
      name,
      vocabulary,
      task: "classification",
      classNames: ["binding, other", "enzyme"],
      numClasses: 2,
      splits: {
        train: [{ id: "p1", tokenIds: Int32Array.of(4, 5, 6, 7), label: 1 }],
        valid: [{ id: "p2", tokenIds: Int32Array.of(6, 6), label: 0 }],
        test: [{ id: "p3", tokenIds: Int32Array.of(7), label: 1 }],
        ood: [],
      },
    });
  });

  test("gives integers ids in ascending order, and rows without a split one by their sequence", async () => {
    const text = ["text,label", "A,10", "C,9", "A,10"].join("\n");
    const { classNames, splits } = await load("x.csv", text);
    expect(classNames).toEqual(["9", "10"]);
    expect(splits[splitByHash("A")].filter(({ tokenIds }) => tokenIds[0] === 4)).toEqual([
      { id: "1", tokenIds: Int32Array.of(4), label: 1 },
      { id: "3", tokenIds: Int32Array.of(4), label: 1 },
    ]);
  });

  test("reads numbers for regression, from columns of any name", async () => {
    const text = `{"dna": "A", "half-life": 1.5, "split": "ood"}\n{"dna": "C", "half-life": "-2e1", "split": "OOD"}`;
    const options = { task: "regression", sequenceColumn: "dna", labelColumn: "half-life" } as const;
    const { splits, numClasses } = await load("x.jsonl", text, options);
    expect(splits.ood.map(({ label }) => label)).toEqual([1.5, -20]);
    expect(numClasses).toBe(0);
  });

  test("takes quotes in TSV as they are, and integers and truth values as classes", async () => {
    const { classNames } = await load("x.tsv", 'text\tlabel\nA\t5" long\nC\tx\n');
    expect(classNames).toEqual(['5" long', "x"]);
    const table = '{"text": "A", "label": 2}\n{"text": "C", "label": true}';
    expect((await load("x.ndjson", table)).classNames).toEqual(["2", "true"]);
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: "text", data: ["A", "C"], type: "STRING" },
        { name: "label", data: [12n, 3n], type: "INT64" },
      ],
    });
    expect((await load("y.parquet", parquet)).classNames).toEqual(["3", "12"]);
  });

  test("keeps to given classes", async () => {
    const classNames = ["none", "enzyme", "binding, other"];
    const { splits } = await load("x.csv", tables["x.csv"] ?? "", { classNames });
    expect(splits.valid.map(({ label }) => label)).toEqual([2]);
    await expect(load("x.csv", tables["x.csv"] ?? "", { classNames: ["enzyme", "binding"] })).rejects.toThrow(
      'x.csv, line 3, column label: a class must be one of the 2 in classNames, got "binding, other"; the nearest is "binding"',
    );
  });

  test.each([
    [
      "x.xlsx",
      "",
      'the file\'s ending must tell its format (csv, tsv, tab, jsonl, ndjson, parquet), got "xlsx"; pass format: "csv"',
    ],
    ["x.csv", "sequence,label\n", "x.csv: a table must hold at least one row, got none"],
    [
      "x.csv",
      "seq,label\nA,1\n",
      'x.csv, line 2: there must be a column "sequence" or "text", got the columns "seq", "label"; pass sequenceColumn: "seq"',
    ],
    [
      "x.csv",
      "sequence,class\nA,1\n",
      'there must be a column "label", got the columns "sequence", "class"; pass labelColumn: "class"',
    ],
    [
      "x.csv",
      "sequence,label\nA,1\nC,1,2\n",
      'x.csv: every line must have the columns of the first, got "Invalid Record Length',
    ],
    ["x.csv", 'sequence,label\n"A\nC",1\nC,\n', "x.csv, line 4, column label"],
    [
      "x.csv",
      "sequence,label\nA,1\nC,\n",
      "x.csv, line 3, column label: a class must be text, an integer or true or false, got an empty cell",
    ],
    [
      "x.csv",
      "sequence,label\n,1\n",
      "x.csv, line 2, column sequence: a sequence must be text and not empty, got an empty cell",
    ],
    [
      "x.csv",
      "sequence,label\nAXC,1\n",
      'x.csv, line 2, column sequence, record 1: the letters of a DNA sequence must be among ACGT, got "X" at position 2',
    ],
    [
      "x.csv",
      "sequence,label,split\nA,1,holdout\n",
      'x.csv, line 2, column split: a split must be one of train, valid, test, ood, validation, val, dev, got "holdout"',
    ],
    [
      "x.jsonl",
      '{"sequence": "A", "label": 1.5}',
      'x.jsonl, line 1, column label: a class must be text, an integer or true or false, got 1.5; pass task: "regression"',
    ],
    [
      "x.jsonl",
      '{"sequence": "A"\n',
      'x.jsonl, line 1: every line must be a JSON object, got "{\\"sequence\\": \\"A\\""',
    ],
    ["x.jsonl", "[1]\n", "every line must be a JSON object"],
    ["x.parquet", "not parquet at all", "x.parquet: a Parquet file must be complete and intact"],
  ])("refuses %s of %j", async (name, content, message) => {
    await expect(load(name, content)).rejects.toThrow(message);
  });

  test("refuses values that are no numbers", async () => {
    const table = `sequence,label\nA,1\nC,high\n`;
    await expect(load("x.csv", table, { task: "regression" })).rejects.toThrow(
      'x.csv, line 3, column label: a value to learn must be a finite number, got "high"; mend the cell',
    );
  });
});

describe("loadTagged", () => {
  const loadTags = (name: string, content: string) =>
    loadTagged({ source: new Blob([content]).stream(), name, vocabulary: characterVocabulary("AC😀") });

  test("reads a class for each token, of text or of lists, and none for blanks and nulls", async () => {
    const { splits, classNames } = await loadTags("x.csv", "text,tags,split\nA😀C,H-E,train\n");
    expect(classNames).toEqual(["E", "H"]);
    expect(splits.train[0]?.tagIds).toEqual(Int32Array.of(1, -1, 0));
    const lists = await loadTags("x.jsonl", '{"text": "AC", "tags": [null, 3], "split": "test"}');
    expect(lists.splits.test[0]?.tagIds).toEqual(Int32Array.of(-1, 0));
    expect(lists.classNames).toEqual(["3"]);
  });

  test("refuses tags that are not as many as the tokens", async () => {
    await expect(loadTags("x.csv", "text,tags\nACC,HH\n")).rejects.toThrow(
      "x.csv, line 2, column tags: there must be one tag for each of the sequence's 3 tokens, got a list of 2",
    );
    await expect(loadTags("x.jsonl", '{"text": "A", "tags": 3}')).rejects.toThrow(
      "tags must be text with one character",
    );
  });
});

/** Sequences whose label is their number, to be found again in batches; lengths may exceed the longest row. */
function numbered(lengths: readonly number[]): LabelledSequence[] {
  return lengths.map((length, label) => ({
    id: `s${label}`,
    label,
    tokenIds: new Int32Array(length).fill(4 + (label % 4)),
  }));
}

const sizes = { tokensPerBatch: 48, maxSeqLen: 16, bucketStep: 4, vocabulary };
const anyLengths = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 20 });

describe("labelled batches", () => {
  test("read <bos> tokens <eos> and padding, with one target a row", () => {
    const [batch] = planLabelledEvaluation({ ...sizes, sequences: numbered([2, 3]), tokensPerBatch: 24 });
    expect(batch).toEqual({
      batchSize: 3,
      seqLen: 8,
      targetLen: 1,
      inputIds: Int32Array.from(
        [
          [bosId, 4, 4, eosId, padId, padId, padId, padId],
          [bosId, 5, 5, 5, eosId, padId, padId, padId],
          [bosId, padId, padId, padId, padId, padId, padId, padId],
        ].flat(),
      ),
      targetIds: Int32Array.of(0, 1, 0),
      weights: Float32Array.of(1, 1, 0),
      tokens: 2,
    });
  });

  test("carry values instead of classes in regression", () => {
    const sequences = [{ id: "a", tokenIds: Int32Array.of(4), label: -0.5 }];
    const [batch] = planLabelledEvaluation({ ...sizes, sequences, task: "regression", tokensPerBatch: 4 });
    expect(batch).toMatchObject({ targetIds: Int32Array.of(0), targetValues: Float64Array.of(-0.5), batchSize: 1 });
  });

  test("evaluation has every sequence once, training at least once an epoch, cut behind the longest row", () => {
    fc.assert(
      fc.property(anyLengths, fc.nat(2), (lengths, epoch) => {
        const sequences = numbered(lengths);
        const found = planLabelledEvaluation({ ...sizes, sequences }).flatMap(({ targetIds, weights }) =>
          [...targetIds].filter((_, row) => weights[row] === 1),
        );
        expect(found.sort((a, b) => a - b)).toEqual([...lengths.keys()]);
        const plan = planLabelledTraining({ ...sizes, sequences, seed: 3 });
        const seen = new Set<number>();
        for (let i = 0; i < plan.batchesPerEpoch; i++) {
          const { batchSize, seqLen, inputIds, targetIds, tokens } = plan.batchAt(epoch * plan.batchesPerEpoch + i);
          expect(tokens).toBe(batchSize);
          expect(seqLen).toBeLessThanOrEqual(16);
          for (const [row, label] of targetIds.entries()) {
            seen.add(label);
            const count = Math.min(14, lengths[label] ?? 0);
            expect(inputIds[row * seqLen + 1 + count]).toBe(eosId);
          }
        }
        expect(seen.size).toBe(lengths.length);
      }),
      { numRuns: 25 },
    );
  });

  test("are a function of seed and step", () => {
    const options = { ...sizes, sequences: numbered([3, 9, 14, 2, 7, 5, 11]), seed: "s" };
    const plan = planLabelledTraining(options);
    const ahead = plan.batchAt(7);
    expect(plan.batchAt(2)).not.toEqual(ahead);
    expect(planLabelledTraining(options).batchAt(7)).toEqual(ahead);
    expect(planLabelledTraining({ ...options, seed: "t" }).batchAt(7)).not.toEqual(ahead);
  });

  test("refuse no sequences and rows without a place for a token", () => {
    expect(() => planLabelledTraining({ ...sizes, sequences: [], seed: 1 })).toThrow(
      "planLabelledTraining: there must be at least one sequence, got none",
    );
    expect(() => planLabelledEvaluation({ ...sizes, sequences: numbered([1]), maxSeqLen: 2 })).toThrow(
      "maxSeqLen must be at least 3, for <bos>, a token and <eos>, got 2",
    );
  });
});

test("tagged batches have a target behind every token that has a tag, in training and evaluation", () => {
  const sequences: TaggedSequence[] = [
    { id: "a", tokenIds: Int32Array.of(4, 5, 6), tagIds: Int32Array.of(1, -1, 0) },
    { id: "b", tokenIds: new Int32Array(20).fill(7), tagIds: new Int32Array(20).fill(2) },
  ];
  const [short] = planTaggedEvaluation({ ...sizes, sequences: sequences.slice(0, 1), tokensPerBatch: 8 });
  expect(short).toEqual({
    batchSize: 1,
    seqLen: 8,
    targetLen: 8,
    inputIds: Int32Array.of(bosId, 4, 5, 6, eosId, padId, padId, padId),
    targetIds: Int32Array.of(0, 1, 0, 0, 0, 0, 0, 0),
    weights: Float32Array.of(0, 1, 0, 1, 0, 0, 0, 0),
    tokens: 2,
  });
  const plan = planTaggedTraining({ ...sizes, sequences, tokensPerBatch: 16, seed: 1 });
  const targets = Array.from({ length: plan.batchesPerEpoch }, (_, i) => plan.batchAt(i).tokens);
  // 2 tags of the first; 14 of the second, the places of its row between <bos> and <eos>.
  expect(targets.sort((a, b) => a - b)).toEqual([2, 14]);
});
