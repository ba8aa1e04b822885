/**
 * Tasks on a run: they report events, print nothing, return what is plain JSON, and leave no file when they are aborted
 * before they write.
 */

import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { captureOutput } from "../../tests/cli/capture.ts";
import { oneThread, tinyFasta, tinyModel } from "../../tests/e2e/cli.ts";
import { trainCommand } from "../cli/train.ts";
import type { TaskContext, TaskEvent } from "../runs/events.ts";
import { embedAsJson, embedIntoFile } from "./embed/embed.ts";
import { evaluateRun } from "./evaluate/evaluate.ts";
import { generateSequences } from "./generate/generate.ts";
import { predictAll } from "./predict/predict.ts";
import { openScores, scoreAllMutants } from "./score/score.ts";

const place = mkdtempSync(join(tmpdir(), "performer-run-tasks-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string) => join(place, name);
const writtenAs = (name: string) => readdirSync(place).filter((file) => file.startsWith(name));

const engine = { device: "cpu", threads: 1, dtype: "float32" } as const;
const proteins = { ...engine, fasta: at("tiny.fasta") } as const;
const vectors = { ...proteins, precision: "float32" } as const;
const sampling = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, minTokens: 0, seed: 0, count: 2 } as const;

interface Case {
  readonly name: string;
  readonly run: (out: string, context: TaskContext) => Promise<unknown>;
  /** What it says that it works on. */
  readonly labels: readonly string[];
  readonly result: object;
}

const cases: readonly Case[] = [
  {
    name: "evaluate",
    run: async (_, context) => (await evaluateRun(at("causal"), { ...engine, split: "test" }, context)).figures,
    labels: ["evaluate test"],
    result: { split: "test", tokens: 100 },
  },
  {
    name: "predict",
    run: (out, context) => predictAll(at("labels"), { ...proteins, out }, context),
    labels: [],
    result: { file: at("predict.jsonl") },
  },
  {
    name: "generate",
    run: async (out, context) => {
      const options = { ...engine, ...sampling, prompt: "M", tokens: 7, out };
      return (await generateSequences(at("causal"), options, context)).result;
    },
    labels: ["generate"],
    result: { file: at("generate.jsonl"), samples: [{ id: "performer-1" }, { id: "performer-2" }] },
  },
  {
    name: "score",
    run: async (_, context) => {
      let sequences = 0;
      for await (const _score of (await openScores(at("causal"), proteins, context)).scores) sequences += 1;
      return { sequences };
    },
    labels: ["score"],
    result: { sequences: 40 },
  },
  {
    name: "mutants",
    run: async (out, context) => {
      const options = { ...engine, sequence: ["MKVLAT"], out: [`${out}.csv`] };
      return (await scoreAllMutants(at("causal"), options, context)).result;
    },
    labels: ["score mutants"],
    result: { wildType: "MKVLAT", tokens: 6, files: [at("mutants.jsonl.csv")] },
  },
  {
    name: "embed",
    run: async (out, context) => (await embedIntoFile(at("causal"), { ...vectors, out }, context)).result,
    labels: ["embed"],
    result: { files: [at("embed.jsonl")], sequences: 40, residues: 1313, interrupted: false },
  },
  {
    name: "embed as JSON",
    run: async (_, context) => {
      let text = "";
      const write = (part: string) => void (text += part);
      await embedAsJson(at("causal"), { ...vectors, isDocument: true, write }, context);
      return JSON.parse(text);
    },
    labels: ["embed"],
    result: { embeddings: expect.arrayContaining([expect.objectContaining({ id: "P0" })]) },
  },
];

beforeAll(async () => {
  writeFileSync(at("tiny.fasta"), tinyFasta());
  const rows = Array.from({ length: 60 }, (_, row) => `${"ACDEF".repeat(1 + (row % 3))},${row % 2}`);
  writeFileSync(at("labels.csv"), `sequence,label\n${rows.join("\n")}\n`);
  captureOutput();
  for (const [run, ...data] of [
    ["causal", "--fasta", at("tiny.fasta")],
    ["labels", "--data", at("labels.csv"), "--tokenizer", "protein", "--task", "classification"],
  ] as const) {
    const common = [...oneThread, ...tinyModel, "--set", "steps=3", "--out", at(run), "--json"];
    await trainCommand().parseAsync([...data, ...common], { from: "user" });
  }
  vi.restoreAllMocks();
});
afterEach(() => void vi.restoreAllMocks());

describe.each(cases)("$name", ({ name, run, labels, result }) => {
  it("reports what it does, prints nothing, and returns plain JSON", async () => {
    const output = captureOutput();
    const events: TaskEvent[] = [];
    const found = await run(at(`${name}.jsonl`), { onEvent: (event) => void events.push(event) });
    expect(found).toMatchObject(result);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    expect(events.flatMap((event) => (event.type === "progress-end" ? [event.label] : []))).toEqual(labels);
    expect(output.stdout + output.stderr).toBe("");
  });

  it("ends with the signal's reason and without a file when it is aborted before", async () => {
    const signal = AbortSignal.abort();
    await expect(run(at(`aborted ${name}.jsonl`), { signal })).rejects.toBe(signal.reason);
    expect(writtenAs("aborted")).toEqual([]);
  });
});

it("embed keeps what it has when it is aborted while it writes, and goes on with it", async () => {
  const controller = new AbortController();
  const onEvent = ({ type }: TaskEvent) => {
    if (type === "progress") controller.abort();
  };
  const options = { ...vectors, out: at("parted.jsonl") };
  const parted = await embedIntoFile(at("causal"), options, { signal: controller.signal, onEvent });
  expect(parted).toMatchObject({ result: { files: [], interrupted: true }, isResumable: true });
  expect(writtenAs("parted")).toEqual(["parted.jsonl.partial", "parted.jsonl.partial.journal"]);
  const { result } = await embedIntoFile(at("causal"), { ...options, resume: true });
  expect(result).toMatchObject({ files: [options.out], sequences: 40, interrupted: false });
  await embedIntoFile(at("causal"), { ...options, out: at("whole.jsonl") });
  expect(readFileSync(options.out, "utf8")).toBe(readFileSync(at("whole.jsonl"), "utf8"));
});
