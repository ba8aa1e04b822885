/**
 * Conditioning tags from FASTA to generated sequences: two families of different letters, learnt, resumed, evaluated,
 * asked for.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../tests/cli/capture.ts";
import { digestOfFile, oneThread } from "../../tests/e2e/cli.ts";
import { createRandom } from "../random/index.ts";
import { PerformerForCausalLM } from "../models/performer-for-causal-lm.ts";
import { evalCommand } from "./eval.ts";
import { generateCommand } from "./generate.ts";
import { scoreCommand } from "./score.ts";
import { trainCommand } from "./train.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-tags-"));
const at = (name: string) => join(folder, name);
let output: Captured = { stdout: "", stderr: "" };

const letters = { "family A": "ACD", "family B": "WYV" };
const families = Object.keys(letters) as (keyof typeof letters)[]; // as it was written

/** Sequences of ten letters of their family alone, three of five in training; a table names the families. */
function writeToyData(): void {
  const splits = ["train", "train", "train", "valid", "test"];
  const records = families.flatMap((family, which) =>
    Array.from({ length: 100 }, (_, number) => {
      const random = createRandom(7, "toy", family, number);
      const residues = Array.from({ length: 10 }, () => letters[family][random.integer(3)]).join("");
      return { id: `P${which}${number}`, family, split: splits[number % 5], residues };
    }),
  );
  writeFileSync(at("toy.fasta"), records.map(({ id, split, residues }) => `>${id} ${split} -\n${residues}\n`).join(""));
  writeFileSync(at("toy.tsv"), records.map(({ id, family }) => `${id}\t${family}\n`).join(""));
}

const tiny = ["modelDim=32", "numLayers=1", "numHeads=2", "mlpDim=64", "maxSeqLen=32", "dropout=0"]
  .map((setting) => `model.${setting}`)
  .concat("training.tokensPerBatch=768", "training.bucketStep=8", "training.learningRate=0.01")
  .concat("training.schedule=constant", "training.warmupSteps=5", "training.evalInterval=40")
  .flatMap((setting) => ["--set", setting]);
const data = () => ["--fasta", at("toy.fasta"), "--set", "data.tags=family", "--set", `data.families=${at("toy.tsv")}`];

async function train(run: string, steps: number): Promise<void> {
  const args = [...data(), ...tiny, ...oneThread, "--set", `training.steps=${steps}`, "--out", at(run), "--json"];
  await trainCommand().parseAsync(args, { from: "user" });
}

async function generated(...args: string[]): Promise<readonly { sequence: string; tag?: string }[]> {
  output.stdout = "";
  await generateCommand().parseAsync([at("run"), ...oneThread, "--json", ...args], { from: "user" });
  return (JSON.parse(output.stdout) as { samples: readonly { sequence: string; tag?: string }[] }).samples;
}

/** The share of letters of a family. */
function shareOf(family: keyof typeof letters, samples: readonly { readonly sequence: string }[]): number {
  const all = samples.map(({ sequence }) => sequence).join("");
  return Array.from(all).filter((letter) => letters[family].includes(letter)).length / all.length;
}

beforeAll(async () => {
  writeToyData();
  captureOutput();
  await train("run", 80);
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => vi.restoreAllMocks());

describe("a model that was trained with tags", () => {
  it("writes the letters of the family that it is asked for, and of both where it is asked for none", async () => {
    const options = ["--count", "40", "--tokens", "10", "--min-tokens", "10"];
    for (const family of families) {
      const samples = await generated("--tag", family, ...options);
      expect(samples).toHaveLength(40);
      expect(samples.every(({ tag }) => tag === family)).toBe(true);
      // Without a tag, one half; 400 letters.
      expect(shareOf(family, samples)).toBeGreaterThan(0.9);
    }
    // Tags are left out now and then, so that the model begins without one too; a sequence goes on in its family.
    const samples = await generated(...options);
    const owners = samples.map((sample) => shareOf("family A", [sample]) > 0.5);
    expect(new Set(owners).size).toBe(2);
  });

  it("says so in FASTA, and lists its tags in config.json", async () => {
    const out = at("new.fasta");
    await generateCommand().parseAsync([at("run"), ...oneThread, "--tag", "family B", "--tokens", "3", "--out", out], {
      from: "user",
    });
    expect(readFileSync(out, "utf8")).toMatch(/^>performer-1 tag="family B" prompt= seed=0 /);
    expect(JSON.parse(readFileSync(at("run/config.json"), "utf8"))).toMatchObject({
      data: { tags: "family", families: at("toy.tsv") },
      vocabulary: { kind: "letters", name: "protein", tags: families },
    });
  });

  it("is evaluated behind the tags, of its own data and of others", async () => {
    // Three letters a family: ln 3 nats a residue; without the tag the first of ten would cost ln 6.
    for (const args of [[], ["--fasta", at("toy.fasta")]]) {
      output.stdout = "";
      await evalCommand().parseAsync([at("run"), ...oneThread, ...args, "--json"], { from: "user" });
      const { lossNats } = JSON.parse(output.stdout) as { lossNats: number };
      expect(lossNats).toBeLessThan(Math.log(3) + 0.5 * (Math.log(2) / 10));
    }
  });

  it("scores proteins behind a tag", async () => {
    const nats: number[] = [];
    for (const tag of families) {
      output.stdout = "";
      const args = [at("run"), ...oneThread, "--sequence", "WYVVYWWY", "--tag", tag, "--json"];
      await scoreCommand().parseAsync(args, { from: "user" });
      const { sequences } = JSON.parse(output.stdout) as { sequences: readonly { logLikelihoodNats: number }[] };
      nats.push(sequences[0]?.logLikelihoodNats ?? Number.NaN);
    }
    const [underA = 0, underB = 0] = nats;
    expect(underB - underA).toBeGreaterThan(1);
  });

  it("is resumed to the bit, and refused when the families have changed", async () => {
    await train("halves", 40);
    const resume = ["--resume", at("halves"), "--set", "training.steps=80", ...oneThread, "--json"];
    await trainCommand().parseAsync(resume, { from: "user" });
    expect(digestOfFile(at("halves/model.safetensors"))).toBe(digestOfFile(at("run/model.safetensors")));
    const table = readFileSync(at("toy.tsv"), "utf8");
    writeFileSync(at("toy.tsv"), table.replace("P00\tfamily A", "P00\tfamily B"));
    await expect(evalCommand().parseAsync([at("halves"), ...oneThread], { from: "user" })).rejects.toThrow(
      "the run's own data must be those that it was trained with",
    );
    writeFileSync(at("toy.tsv"), table);
  });

  it("is used from the library", async () => {
    const model = await PerformerForCausalLM.from_pretrained(at("run"));
    const samples = await model.generate("", { tag: "family A", max_new_tokens: 10, num_return_sequences: 5 });
    expect(shareOf("family A", samples)).toBeGreaterThan(0.9);
    await expect(model.generate("", { tag: "family C" })).rejects.toThrow('did you mean "family A"?');
  });

  it("refuses tags that it does not have, with the nearest", async () => {
    for (const command of [generateCommand(), scoreCommand()]) {
      const input = command.name() === "score" ? ["--sequence", "ACD"] : [];
      await expect(
        command.parseAsync([at("run"), ...oneThread, "--tag", "familyb", ...input], { from: "user" }),
      ).rejects.toThrow('--tag: a tag must be one of the 2 of the model, got "familyb"; did you mean "family B"?');
    }
  });
});
