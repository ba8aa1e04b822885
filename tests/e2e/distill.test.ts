/**
 * Distillation by the command line: a tiny converted model learns from the one it was made of; interruption, and what
 * is refused.
 */

import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { goldenFolder } from "../convert/golden.ts";
import { createWorkplace, oneThread, parseOnly, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const bert = goldenFolder("bert");
const quick = ["--data", "food.txt", "--batch", "128", "--eval-interval", "10", ...oneThread];

/** Paragraphs of words that the tiny tokenizer knows, no two alike. */
function paragraphs(): string {
  const words = "the man woman is eating food bread a with".split(" ");
  const sentence = (seed: number) =>
    Array.from({ length: 5 + (seed % 4) }, (_, at) => words[(seed * 7 + at * (1 + (seed % 5))) % words.length]).join(
      " ",
    );
  return Array.from({ length: 90 }, (_, row) => `${sentence(row)}. ${sentence(row + 31)}. ${sentence(row + 57)}.`).join(
    "\n\n",
  );
}

beforeAll(async () => {
  place.write("food.txt", paragraphs());
  place.write("tiny.fasta", tinyFasta());
  const made = await place.run(
    "convert",
    bert,
    "--features",
    "5",
    "--no-diagnosis",
    "--text",
    "a man",
    "--out",
    "student",
    ...oneThread,
  );
  expect(made.code, made.stderr).toBe(0);
});
afterAll(() => place[Symbol.dispose]());

describe("distill", () => {
  it("brings a student nearer to its teacher, and writes a folder that embed reads", async () => {
    const options = ["--steps", "60", "--layer-steps", "10", "--learning-rate", "0.003"];
    const { code, stdout, stderr } = await place.run(
      "distill",
      "student",
      "--teacher",
      bert,
      ...quick,
      ...options,
      "--out",
      "near",
      "--json",
    );
    expect(code, stderr).toBe(0);
    const told = parseOnly(stdout) as {
      readonly heldOut: { readonly before: number; readonly after: number };
      readonly test: Record<"before" | "after", { readonly meanCosine: number }>;
    };
    expect(told).toMatchObject({
      out: "near",
      student: "student",
      teacher: bert,
      steps: { layers: 10 },
      interrupted: false,
      test: { teacher: { retrieval: { count: expect.any(Number) } } },
    });
    expect(told.heldOut.after).toBeLessThan(told.heldOut.before);
    expect(told.test.after.meanCosine).toBeGreaterThan(told.test.before.meanCosine);
    const metrics = readFileSync(place.path("near", "metrics.jsonl"), "utf8").trim().split("\n").map(parseOnly);
    expect(metrics).toContainEqual({ stage: "layers", step: 10, heldOutDistance: expect.any(Number) });
    expect(metrics.at(0)).toMatchObject({ stage: "layers", step: 1, trainLoss: expect.any(Number) });
    const embedded = await place.run("embed", "near", "--text", "the woman is eating", "--json", ...oneThread);
    expect(parseOnly(embedded.stdout)).toMatchObject({ embeddings: [{ id: "text 1" }] });
  });

  it("writes the best weights so far when it is interrupted", async () => {
    const running = place.start(
      "distill",
      "student",
      "--teacher",
      bert,
      ...quick,
      "--steps",
      "100000",
      "--patience",
      "100000",
      "--out",
      "stopped",
    );
    await running.says("on texts held out");
    running.child.kill("SIGINT");
    const { code, stdout, stderr } = await running.finished;
    expect({ code, told: stderr.includes("writing the best weights") }).toEqual({ code: 130, told: true });
    expect(stdout).toContain("interrupted: the best weights so far");
    expect(stdout).toMatch(/\ndistance on texts held out: [\d.]+ before, [\d.]+ after/);
    expect(readdirSync(place.path("stopped"))).toEqual(
      expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]),
    );
  });

  it("writes beside a folder that was taken while it trained", async () => {
    const args = ["--steps", "100000", "--patience", "100000", "--out", "taken"];
    const running = place.start("distill", "student", "--teacher", bert, ...quick, ...args);
    await running.says("on texts held out");
    mkdirSync(place.path("taken"));
    place.write("taken/mine.txt", "mine");
    running.child.kill("SIGINT");
    expect((await running.finished).stderr).toContain("taken has been taken since the beginning; writing taken-2");
    expect(readdirSync(place.path("taken"))).toEqual(["mine.txt"]);
    expect(readdirSync(place.path("taken-2"))).toContain("model.safetensors");
  });

  it.each([
    [
      "a folder that holds anything",
      ["student", "--teacher", bert, ...quick, "--out", "student"],
      1,
      "the folder must be new or empty",
    ],
    [
      "a teacher of another vocabulary",
      ["student", "--teacher", goldenFolder("roberta"), ...quick],
      2,
      "the tokens of its teacher",
    ],
    ["models of proteins", ["student", "--teacher", goldenFolder("esm"), ...quick], 2, "which reads proteins"],
    ["nothing to do", ["student", "--teacher", bert, ...quick, "--steps", "0"], 2, "must not both be 0"],
    [
      "too little text",
      ["student", "--teacher", bert, ...quick, "--batch", "100000"],
      2,
      "the texts must fill a batch of 100000 tokens",
    ],
    ["an unknown part", ["student", "--teacher", bert, ...quick, "--train", "query"], 2, "queries-keys"],
    ["no teacher", ["student", ...quick], 2, "--teacher"],
    ["a folder that is none", ["nowhere", "--teacher", bert, ...quick], 1, "nowhere"],
  ])("refuses %s, and writes nothing", async (_case, args, code, message) => {
    const held = snapshot(place.folder);
    const out = args.includes("--out") ? [] : ["--out", "refused"];
    const finished = await place.run("distill", ...args, ...out);
    expect(finished, finished.stderr).toMatchObject({ code, stdout: "" });
    expect(finished.stderr).toContain(message);
    expect(snapshot(place.folder)).toEqual(held);
  });

  it("sends runs to train --init", async () => {
    const run = await place.run(
      "train",
      "--fasta",
      "tiny.fasta",
      ...tinyModel,
      "--set",
      "steps=3",
      "--out",
      "run",
      ...oneThread,
    );
    expect(run.code, run.stderr).toBe(0);
    const { code, stderr } = await place.run("distill", "run", "--teacher", bert, ...quick, "--out", "refused");
    expect(code).toBe(2);
    expect(stderr).toContain("use performer train --init run");
  });
});
