/** The way of a user: train, evaluate, generate, and the demonstration; with and without --json. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { createWorkplace, oneThread, parseOnly, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const common = [...oneThread, "--fasta", "tiny.fasta", ...tinyModel];
const steps = ["--set", "steps=12"];
let trained: unknown;

const splitFigures = (split: string) => ({
  task: "language-modeling",
  split,
  tokens: expect.any(Number),
  accuracy: expect.any(Number),
  perplexity: expect.any(Number),
  lossNats: expect.any(Number),
  unigram: { accuracy: expect.any(Number), perplexity: expect.any(Number) },
});

const sample = (prompt: string) => ({
  id: expect.stringMatching(/^performer-\d+$/),
  prompt,
  sequence: expect.stringMatching(new RegExp(`^${prompt}[A-Z]*$`)),
  tokens: expect.any(Number),
  finished: expect.any(Boolean),
  logLikelihoodNats: expect.any(Number),
  perplexity: expect.any(Number),
  seed: 0,
  temperature: 1,
});

beforeAll(() => {
  place.write("tiny.fasta", tinyFasta());
});
afterAll(() => place[Symbol.dispose]());

describe("train, eval, generate", () => {
  it("train writes a run folder and prints one JSON document", async () => {
    const { code, stdout, stderr } = await place.run("train", ...common, ...steps, "--out", "run", "--json");
    expect({ code, stderr: stderr.match(/defect|Error/) }).toEqual({ code: 0, stderr: null });
    trained = parseOnly(stdout);
    expect(trained).toEqual({
      run: "run",
      parameters: expect.any(Number),
      step: 12,
      steps: 12,
      interrupted: false,
      tokens: expect.any(Number),
      elapsedSeconds: expect.any(Number),
      evaluations: [splitFigures("test"), splitFigures("ood")],
      samples: [sample("M"), sample("M"), sample("M")],
      report: expect.stringContaining("report.html"),
    });
    expect(Object.keys(snapshot(place.path("run")))).toEqual([
      "checkpoint-12/config.json",
      "checkpoint-12/model.safetensors",
      "checkpoint-12/optimizer.safetensors",
      "checkpoint-12/trainer_state.json",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "report.html",
    ]);
  });

  it("says how much memory a run takes and what auto attends with, for reversible blocks trained one by one", async () => {
    const set = ["mechanism=auto", "reversible=true", "gradientCheckpointing=blocks", "steps=1"];
    const options = set.flatMap((setting) => ["--set", setting]);
    const { code, stderr } = await place.run("train", ...common, ...options, "--out", "auto", "--json");
    expect(code).toBe(0);
    expect(stderr).toMatch(/^memory: about [\d.]+ [MG]B of the /m);
    expect(stderr).toMatch(/^attention: exact for \d+( to \d+)? tokens/m);
  });

  it("config.json says what was trained, and on what", () => {
    expect(JSON.parse(readFileSync(place.path("run", "config.json"), "utf8"))).toMatchObject({
      model_type: "performer",
      architectures: ["PerformerForCausalLM"],
      name: "demo",
      model: { modelDim: 16, numHeads: 2, vocabSize: 29 },
      training: { steps: 12, redrawInterval: 4 },
      data: { name: "tiny.fasta", path: place.path("tiny.fasta"), kind: "proteins", task: "language-modeling" },
      vocabulary: { kind: "letters", name: "protein" },
      engine: { device: "cpu", threads: 1 },
    });
  });

  it("metrics.jsonl has the first, every tenth and the last step, and the evaluations", () => {
    const lines = readFileSync(place.path("run", "metrics.jsonl"), "utf8").trimEnd().split("\n");
    const records = lines.map((line) =>
      Object.entries(JSON.parse(line)).map(([key, value]) => (key === "step" ? value : key)),
    );
    const training = ["trainLossNats", "learningRate", "gradientNorm", "tokens", "elapsedSeconds"];
    const evaluation = ["validLossNats", "validAccuracy", "validPerplexity"];
    expect(records).toEqual([
      [1, ...training],
      [5, ...evaluation],
      [10, ...training],
      [10, ...evaluation],
      [12, ...training],
      [12, ...evaluation],
    ]);
  });

  it("eval prints the figures of the split beside the unigram's, the same as at the end of training", async () => {
    const { code, stdout } = await place.run("eval", "run", "--split", "ood", "--json", ...oneThread);
    expect(code).toBe(0);
    const { dtype, ...figures } = parseOnly(stdout) as Record<string, unknown>;
    expect(dtype).toBe("float32");
    expect(figures).toEqual(splitFigures("ood"));
    expect(trained).toMatchObject({ evaluations: [{ split: "test" }, figures] });
    const people = await place.run("eval", "run", ...oneThread);
    expect(people.stdout).toMatch(/split\s+model\s+unigram\s+difference\n.*\n.*perplexity/);
  });

  it("eval takes other sequences, and does without a baseline where they have no training split", async () => {
    place.write("other.fasta", ">A test -\nMKVLAAG\n>B test -\nMGGHHK\n");
    const { code, stdout } = await place.run("eval", "run", "--fasta", "other.fasta", "--json", ...oneThread);
    expect(code).toBe(0);
    expect(parseOnly(stdout)).toEqual({ ...splitFigures("test"), tokens: 13, unigram: null, dtype: "float32" });
  });

  it("eval and generate take weights of 8 bits, and eval says what they cost", async () => {
    const { code, stdout } = await place.run("eval", "run", "--dtype", "int8", "--json", ...oneThread);
    expect(code).toBe(0);
    const { dtype, perplexity, cost } = parseOnly(stdout) as {
      readonly dtype: string;
      readonly perplexity: number;
      readonly cost: Readonly<Record<string, number>> & { readonly float32: { readonly perplexity: number } };
    };
    expect(dtype).toBe("int8");
    expect(cost["perplexityDifference"]).toBeCloseTo(perplexity - cost.float32.perplexity, 6);
    expect(Math.abs(perplexity / cost.float32.perplexity - 1)).toBeLessThan(0.05);
    expect(cost["weightBytes"]).toBeLessThan(cost["float32WeightBytes"] ?? 0);
    const written = await place.run(
      "generate",
      "run",
      "--prompt",
      "MKV",
      "--tokens",
      "9",
      "--dtype",
      "q8",
      ...oneThread,
    );
    expect(written.stdout).toMatch(/^>.*\nMKV/);
  });

  it("refuses a dtype that there is not", async () => {
    const { code, stderr } = await place.run("eval", "run", "--dtype", "int4", ...oneThread);
    expect(code).toBe(2);
    expect(stderr).toContain("float16");
  });

  it("generate prints FASTA, the same for the same seed and another for another", async () => {
    const args = ["generate", "run", "--prompt", "MKV", "--tokens", "70", "--count", "2", ...oneThread];
    const [first, again, other] = [
      await place.run(...args),
      await place.run(...args),
      await place.run(...args, "--seed", "1"),
    ];
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(
      /^>performer-1 prompt=MKV seed=0 temperature=1 finished=(yes|no) log-likelihood=-[\d.]+ perplexity=[\d.]+\nMKV[A-Z]*\n/,
    );
    expect(first.stdout.split("\n").every((line) => line.startsWith(">") || line.length <= 60)).toBe(true);
    expect(again.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });

  it("generate --json tells the likelihood of every sample", async () => {
    const { code, stdout } = await place.run(
      "generate",
      "run",
      "--prompt",
      "MK",
      "--count",
      "2",
      "--json",
      ...oneThread,
    );
    expect(code).toBe(0);
    expect(parseOnly(stdout)).toEqual({ samples: [sample("MK"), sample("MK")] });
  });

  it("generate --unique --novel --out writes different proteins that are not of the training set into a file", async () => {
    const args = ["generate", "run", "--tokens", "20", "--min-tokens", "15", "--count", "5", "--unique", "--novel"];
    const { code, stdout, stderr } = await place.run(...args, "--out", "new.fasta", "--json", ...oneThread);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^dropped: \d+ duplicates?, \d+ known sequences?$/m);
    const { samples, dropped, file } = parseOnly(stdout) as {
      samples: { sequence: string; nearest: { kmerJaccard: number } }[];
      dropped: object;
      file: string;
    };
    expect({ dropped, file }).toEqual({ dropped: { duplicate: 0, refused: 0 }, file: "new.fasta" });
    expect(samples).toHaveLength(5);
    const fasta = readFileSync(place.path("new.fasta"), "utf8");
    for (const { sequence, nearest } of samples) {
      expect(sequence.length).toBeGreaterThanOrEqual(15);
      expect(nearest.kmerJaccard).toBeLessThan(1);
      expect(fasta).toContain(`\n${sequence}\n`);
    }
    // Every one of them is known now.
    const again = await place.run(...args.slice(0, -1), "--novel", "new.fasta", ...oneThread);
    expect(again.stderr).toMatch(/^dropped: 0 duplicates, 5 known sequences$/m);
  });

  it("a reader that closes the pipe ends generate without a complaint", async () => {
    const { child, finished } = place.start("generate", "run", "--count", "50", "--tokens", "50", ...oneThread);
    child.stdout?.destroy();
    const { code, stderr } = await finished;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|Error|defect/);
  });
});

describe("demo", () => {
  it("runs from training to the next commands, and never in the folder of an earlier run", async () => {
    const first = await place.run("demo", ...common, "--set", "steps=3");
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("Three generated proteins:");
    expect(first.stdout).toMatch(/node .*main\.js generate runs\/demo --prompt MKV/);
    const before = snapshot(place.path("runs", "demo"));
    const second = await place.run("demo", ...common, "--set", "steps=3", "--json");
    expect(second.code).toBe(0);
    expect(parseOnly(second.stdout)).toMatchObject({ run: "runs/demo-2", step: 3, samples: [{}, {}, {}] });
    expect(snapshot(place.path("runs", "demo"))).toEqual(before);
  });
});

describe("help", () => {
  it.each(["demo", "train", "eval", "finetune", "predict", "generate"])(
    "%s --help has examples, and ends with exit code 0",
    async (verb) => {
      const { code, stdout, stderr } = await place.run(verb, "--help");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(new RegExp(`Examples:\n {2}performer ${verb}`));
      expect(stdout).toContain("--json");
    },
  );

  it("--version prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await place.run("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

describe.skipIf(!existsSync("/dev/full"))("a full disk behind standard output", () => {
  it("is one sentence and exit code 1", () => {
    const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", '"$0" "$1" generate run --tokens 3 > /dev/full', process.execPath, main],
      {
        cwd: place.path("."),
        encoding: "utf8",
      },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/standard output cannot be written: the disk is full; free some space/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
