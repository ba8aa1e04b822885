/** Training that begins with a model: a run's, a converted run's and a pretrained one's; and what is refused. */

import { readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { decodeSafetensors } from "../../src/storage/safetensors.ts";
import { goldenFolder } from "../convert/golden.ts";
import { createWorkplace, oneThread, parseOnly, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const bert = goldenFolder("bert");
const few = ["--set", "steps=6", "--set", "tokensPerBatch=256", "--set", "evalInterval=3", ...oneThread];
const weights = "tokenEmbedding.weight";
const projection = "blocks.0.attention.projection";

async function succeed(...args: string[]): Promise<unknown> {
  const finished = await place.run(...args);
  expect(finished.code, finished.stderr).toBe(0);
  return parseOnly(finished.stdout);
}

function tensorOf(run: string, name: string): ArrayLike<unknown> {
  const { tensors } = decodeSafetensors(readFileSync(place.path(run, "model.safetensors")), { name: run });
  return tensors[name]?.data ?? [];
}

function modelOf(run: string): unknown {
  return (parseOnly(readFileSync(place.path(run, "config.json"), "utf8")) as { readonly model: unknown }).model;
}

beforeAll(async () => {
  place.write("tiny.fasta", tinyFasta());
  const lines = ["a man is eating food with the woman", "the woman eats bread", "a man eats", "the food is bread"];
  place.write("food.txt", Array.from({ length: 60 }, (_, line) => `${lines[line % lines.length]}\n`).join(""));
  const exact = [...tinyModel, "--set", "steps=5", "--set", "mechanism=exact", "--set", "dropout=0", ...oneThread];
  await succeed("train", "--fasta", "tiny.fasta", ...exact, "--out", "exact", "--json");
  const favor = ["--features", "16", "--no-diagnosis", "--fasta", "tiny.fasta", ...oneThread, "--out", "favor"];
  await succeed("convert", "exact", ...favor, "--json");
});
afterAll(() => place[Symbol.dispose]());

describe("train --init", () => {
  it("goes on with a converted run: its model and its projections, other weights at the end", async () => {
    const told = await succeed("train", "--init", "favor", "--fasta", "tiny.fasta", ...few, "--out", "more", "--json");
    expect(told).toMatchObject({ run: "more", steps: 6, base: { run: "favor", task: "language-modeling" } });
    expect(modelOf("more")).toEqual(modelOf("favor"));
    expect(tensorOf("more", projection)).toEqual(tensorOf("favor", projection));
    expect(tensorOf("more", weights)).not.toEqual(tensorOf("favor", weights));
    expect(tensorOf("more", weights)).toHaveLength(tensorOf("favor", weights).length);
  });

  it("begins where the model stands: with a rate of nearly nothing it stays as good as it was", async () => {
    const still = ["--set", "learningRate=1e-12", "--set", "dropout=0", "--set", "weightDecay=0"];
    await succeed("train", "--init", "exact", "--fasta", "tiny.fasta", ...few, ...still, "--out", "still", "--json");
    const [before, after] = await Promise.all(
      ["exact", "still"].map((run) => succeed("eval", run, "--fasta", "tiny.fasta", ...oneThread, "--json")),
    );
    const figures = (document: unknown) => (document as { readonly evaluations?: unknown }).evaluations ?? document;
    const lossOf = (document: unknown) => JSON.stringify(figures(document)).match(/"lossNats":([\d.]+)/)?.[1];
    expect(Number(lossOf(after))).toBeGreaterThan(0);
    expect(Number(lossOf(after))).toBeCloseTo(Number(lossOf(before)), 6);
  });

  it("gives a pretrained body a head of hidden tokens, and its run goes wherever runs go", async () => {
    const args = ["train", "--init", bert, "--data", "food.txt", ...few, "--out", "hidden", "--json"];
    const told = await succeed(...args);
    expect(told).toMatchObject({ base: { name: "bert", task: "masked" } });
    expect(modelOf("hidden")).toMatchObject({ architecture: "encoder", head: "language-modeling", modelDim: 12 });
    const evaluated = await succeed("eval", "hidden", "--data", "food.txt", ...oneThread, "--json");
    expect(JSON.stringify(evaluated)).toContain('"lossNats"');
    const embedded = await succeed("embed", "hidden", "--text", "the woman eats", ...oneThread, "--json");
    expect(embedded).toMatchObject({ embeddings: [{ id: "text 1" }] });
  });

  it("is taken up again by the command that began it", async () => {
    const begin = ["train", "--init", "favor", "--fasta", "tiny.fasta", ...few, "--out", "again"];
    await succeed(...begin, "--json");
    expect(await succeed(...begin, "--resume", "--json")).toMatchObject({ run: "again", step: 6 });
    const other = await place.run(
      "train",
      "--init",
      "exact",
      "--fasta",
      "tiny.fasta",
      ...few,
      "--out",
      "again",
      "--resume",
    );
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect(other.stderr).toContain("--resume: model.mechanism is");
  });

  it.each([
    [
      "a recipe of other sizes",
      ["demo", "--init", "favor", "--fasta", "tiny.fasta"],
      2,
      "modelDim must be 16 with --init favor",
    ],
    [
      "a setting of another model",
      ["--init", "favor", "--fasta", "tiny.fasta", "--set", "numLayers=3"],
      2,
      "--set: model: numLayers must be 2",
    ],
    ["an unknown setting", ["--init", "favor", "--fasta", "tiny.fasta", "--set", "numLayer=3"], 2, "numLayers"],
    ["data of another kind", ["--init", "favor", "--data", "food.txt"], 2, "the data must be proteins, got text"],
    ["another tokenizer", ["--init", bert, "--data", "food.txt", "--tokenizer", "bytes"], 2, "leave --tokenizer out"],
    [
      "another task",
      ["--init", bert, "--data", "food.txt", "--task", "language-modeling"],
      2,
      "the task must be 'masked'",
    ],
    [
      "longer texts than positions",
      ["--init", bert, "--data", "food.txt", "--set", "maxSeqLen=40"],
      2,
      "maxSeqLen must be 19",
    ],
    ["a tokenizer without padding", ["--init", goldenFolder("gpt2"), "--data", "food.txt"], 2, "a token for padding"],
    ["a model of images", ["--init", goldenFolder("vit"), "--data", "food.txt"], 2, "must read text or proteins"],
    ["a folder that is none", ["--init", "nowhere", "--fasta", "tiny.fasta"], 1, "nowhere"],
  ])("refuses %s, and writes nothing", async (_case, args, code, message) => {
    const finished = await place.run("train", ...args, "--out", "refused", ...oneThread);
    expect(finished).toMatchObject({ code, stdout: "" });
    expect(finished.stderr).toContain(message);
    expect(readdirSync(place.folder)).not.toContain("refused");
  });
});
