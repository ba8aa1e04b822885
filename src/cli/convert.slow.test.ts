/** `performer convert` on a pretrained model and on runs: their folders used again, and what is refused. */

import { readdirSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";

import { runVerb } from "../../tests/cli/run-verb.ts";
import { goldenFolder } from "../../tests/convert/golden.ts";
import {
  createWorkplace,
  oneThread,
  parseOnly,
  snapshot,
  tinyFasta,
  tinyModel,
  type Finished,
} from "../../tests/e2e/cli.ts";
import { convertCommand } from "./convert.ts";
import { embedCommand } from "./embed.ts";
import { evalCommand } from "./eval.ts";
import { trainCommand } from "./train.ts";

const place = createWorkplace();
const bert = goldenFolder("bert");
const text = ["--text", "a man is eating food", "--text", "the woman eats"];

const verbs = { convert: convertCommand, embed: embedCommand, eval: evalCommand, train: trainCommand } as const;

function run(verb: keyof typeof verbs, ...args: string[]): Promise<Finished> {
  return runVerb(place.folder, verbs[verb](), ...args, ...oneThread);
}

async function succeed(verb: keyof typeof verbs, ...args: string[]): Promise<Finished> {
  const finished = await run(verb, ...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

afterAll(() => place[Symbol.dispose]());

describe("convert a pretrained model", () => {
  it("writes a folder that embed reads, measured layer by layer", async () => {
    const { stdout } = await succeed("convert", bert, "--features", "64", ...text, "--out", "favor", "--json");
    const document = parseOnly(stdout);
    expect(document).toMatchObject({
      out: "favor",
      from: bert,
      mechanism: "favor",
      numFeatures: 64,
      seed: 0,
      report: { mechanism: "favor", numFeatures: 64, sequences: 2 },
      vectors: { count: 2 },
    });
    const { layers, report, vectors } = document as {
      readonly layers: readonly number[];
      readonly report: { readonly layers: readonly { readonly outputError: number }[] };
      readonly vectors: { readonly meanCosine: number };
    };
    expect(report.layers).toHaveLength(layers.length);
    for (const { outputError } of report.layers) expect(outputError).toBeGreaterThan(0);
    expect(vectors.meanCosine).toBeGreaterThan(0.5);
    const embedded = parseOnly((await succeed("embed", "favor", ...text, "--json")).stdout);
    expect(embedded).toMatchObject({ embeddings: [{ id: "text 1" }, { id: "text 2" }] });
  });

  it("says the same to people, reads longer texts, and calibrates on what it is given", async () => {
    place.write("lines.txt", `${"a man is eating food with the woman\n".repeat(9)}`);
    const options = ["--layers", "1", "--max-length", "100", "--positions", "interpolate", "--calibrate", "lines.txt"];
    const { stdout } = await succeed("convert", bert, ...options, ...text, "--no-diagnosis", "--out", "long");
    expect(stdout).toMatch(
      /^long: .* with exact, favor in 1 of 2 layers, \d+ features, seed 0\nVectors before and after: cosine /,
    );
    expect(stdout).toContain("of 2 texts given.");
    const long = Array<string>(60).fill("bread").join(" ");
    const { stderr } = await succeed("embed", "long", "--text", long, "--json");
    expect(stderr).not.toContain("longer than");
  });

  it.each([
    ["an unknown mechanism", ["--mechanism", "favr"], 2, "did you mean 'favor'?"],
    ["layers that are no numbers", ["--layers", "a"], 2, "whole numbers with commas between them"],
    ["positions alone", ["--positions", "repeat"], 2, "--positions must come with --max-length"],
    ["proteins for a model of text", ["--sequence", "MKV"], 2, "--sequence must come with a model of proteins"],
  ])("refuses %s, and writes nothing", async (_case, options, code, message) => {
    const finished = await run("convert", bert, "--out", "refused", ...options);
    expect(finished).toMatchObject({ code, stdout: "" });
    expect(finished.stderr).toContain(message);
    expect(readdirSync(place.folder)).not.toContain("refused");
  });

  it("leaves a folder that holds anything as it is", async () => {
    const held = snapshot(place.path("favor"));
    const { code, stderr } = await run("convert", bert, "--out", "favor");
    expect(code).toBe(1);
    expect(stderr).toContain("performer convert: favor: the folder must be new or empty, got one with");
    expect(snapshot(place.path("favor"))).toEqual(held);
  });
});

describe("convert a run", () => {
  it("gives one that evaluates and embeds, of either kind of model", async () => {
    place.write("tiny.fasta", tinyFasta());
    for (const task of ["language-modeling", "masked"]) {
      const [run, out] = [`run-${task}`, `out-${task}`];
      const training = [...tinyModel, "--set", "model.mechanism=exact", "--set", "training.steps=3"];
      await succeed("train", "--fasta", "tiny.fasta", "--task", task, ...training, "--out", run);
      const options = ["--features", "32", "--sequence", "MKVLATGG", "--no-diagnosis"];
      const { stdout } = await succeed("convert", run, ...options, "--out", out, "--json");
      expect(parseOnly(stdout)).toMatchObject({
        mechanism: "favor",
        layers: [0, 1],
        report: null,
        vectors: { count: 1 },
      });
      await succeed("eval", out, "--json");
    }
  });
});
