/** Every bad input ends in one clear sentence and an exit code, with nothing that existed lost or overwritten. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createWorkplace, oneThread, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const common = [...oneThread, ...tinyModel, "--set", "steps=3"];
const tiny = ["--fasta", "tiny.fasta"];

/** Runs a command that must fail, and gives its sentence. */
async function refusal(code: number, ...args: string[]): Promise<string> {
  const before = snapshot(place.folder);
  const finished = await place.run(...args, "--json");
  expect(finished, finished.stderr).toMatchObject({ code, stdout: "" });
  expect(snapshot(place.folder)).toEqual(before);
  expect(finished.stderr).not.toMatch(/^\s+at |defect/m);
  const sentences = finished.stderr.split("\n").filter((line) => line.startsWith("performer"));
  expect(sentences, finished.stderr).toHaveLength(1);
  return sentences[0] ?? "";
}

beforeAll(async () => {
  place.write("tiny.fasta", tinyFasta());
  for (const [name, settings] of [
    ["run", []],
    ["wider", ["--set", "modelDim=20"]],
  ] as const) {
    const { code, stderr } = await place.run("train", ...common, ...tiny, ...settings, "--out", name);
    expect(code, stderr).toBe(0);
  }
});
afterAll(() => place[Symbol.dispose]());

describe("data", () => {
  it.each([
    [
      "an empty file",
      "empty.fasta",
      "",
      /empty\.fasta: a FASTA file must hold at least one record, got an empty file; /,
    ],
    [
      "binary junk",
      "junk.fasta",
      Uint8Array.from({ length: 4096 }, (_, i) => (i * i * 31 + 7) % 256),
      /junk\.fasta, line \d+: .*, got .*; (give a )/,
    ],
    [
      "an illegal character",
      "letters.fasta",
      ">A train -\nMKV\n>B train -\nMK1V\n",
      /letters\.fasta, line 3, record B: the letters .* must be among .*, got "1" at position 3; replace or remove it/,
    ],
    [
      "a record without residues",
      "cut.fasta",
      ">A train -\nMKV\n>B train -\n",
      /cut\.fasta, line 3: a record must carry at least one residue/,
    ],
    ["headers without splits", "plain.fasta", ">A\nMKV\n", /plain\.fasta, line 1, record A: .* pass --split-by hash/],
    [
      "no training split",
      "no-train.fasta",
      ">A test -\nMKV\n",
      /data set no-train\.fasta: the split must hold at least one sequence, got "train", which is empty; use one of test/,
    ],
    [
      "gzip data that end early",
      "short.fasta.gz",
      Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x73),
      /short\.fasta\.gz, line 1: gzip data must be complete and intact/,
    ],
  ] as const)("%s", async (_what, name, content, message) => {
    place.write(name, content);
    expect(await refusal(1, "train", ...common, "--fasta", name)).toMatch(message);
    expect(existsSync(place.path("runs"))).toBe(false);
  });

  it("a file that is not there", async () => {
    expect(await refusal(1, "train", ...common, "--fasta", "none.fasta")).toMatch(
      /none\.fasta", which does not exist; check/,
    );
  });

  it("a split that the data do not have", async () => {
    place.write("no-ood.fasta", ">A train -\nMKV\n>B test -\nMKV\n");
    expect(await refusal(1, "eval", "run", "--split", "ood", "--fasta", "no-ood.fasta")).toMatch(
      /^performer eval: data set no-ood\.fasta: .* got "ood", which is empty; use one of train, test/,
    );
    expect(await refusal(2, "eval", "run", "--split", "odd")).toMatch(/Allowed choices are train, valid, test, ood/);
  });

  it("a prompt with an illegal character", async () => {
    expect(await refusal(1, "generate", "run", "--prompt", "MK*")).toMatch(/--prompt: .* got "\*" at position 3; /);
  });
});

describe("configuration", () => {
  const recipe = (changes: object) =>
    place.write("recipe.jsonc", JSON.stringify({ name: "mine", model: {}, training: {}, data: {}, ...changes }));

  it.each([
    [
      { training: { lerningRate: 1 } },
      /recipe\.jsonc: training: 'lerningRate' is not a key; did you mean 'learningRate'\?/,
    ],
    [{ model: { numFeatures: 0 } }, /recipe\.jsonc: model: numFeatures must .*, got 0/],
    [{ model: { modelDim: 128, numHeads: 3 } }, /numHeads must divide modelDim 128, got 3; use 2/],
    [{ model: { vocabSize: 29 } }, /vocabSize follows from the vocabulary/],
    [{ training: { steps: "many" } }, /recipe\.jsonc: training: steps must .*, got "many"/],
    [{ trainig: {} }, /recipe\.jsonc: 'trainig' is not a key; did you mean 'training'\?/],
    [{ data: { splitby: "hash" } }, /recipe\.jsonc: data: 'splitby' is not a key; did you mean 'splitBy'\?/],
    [{ data: { source: "d/my.txt" } }, /data: source must be one of .* write "path": "d\/my\.txt"/],
    [{ name: "../up" }, /recipe\.jsonc: name must .*names the run folder.*, got "\.\.\/up"/],
  ])("recipe %j", async (changes, message) => {
    recipe(changes);
    expect(await refusal(2, "train", "recipe.jsonc", ...tiny)).toMatch(message);
  });

  it("a recipe that is no JSON, with the line", async () => {
    place.write("broken.jsonc", '{\n  "name": "x",\n  "model": {,\n}\n');
    expect(await refusal(2, "train", "broken.jsonc")).toMatch(
      /broken\.jsonc, line 3, column \d+: the file must be JSON/,
    );
  });

  it.each([
    [
      ["--set", "training.lerningRate=1"],
      /--set: 'training\.lerningRate' is not a key; did you mean 'training\.learningRate'\?/,
    ],
    [["--set", "stepz=1"], /--set: 'stepz' is not a key; did you mean 'steps'\?/],
    [["--set", "steps"], /--set must be given as key=value, got 'steps'/],
    [["--set", "numFeatures=0"], /model: numFeatures must .*, got 0/],
    [["--set", "modelDim=128", "--set", "numHeads=3"], /numHeads must divide modelDim 128, got 3/],
    [["--threads", "none"], /'none' is invalid\. It must be a whole number from 1 to \d+, the cores/],
    [["--threads", "10000"], /'10000' is invalid\. It must be a whole number from 1 to \d+, the cores of this process/],
    [["--set", "mechanism=local(windw=16)"], /did you mean 'window'/],
    [["--set", "mechanism=local(window=16"], /must be a name, with options in brackets if any, got 'local\(window=16'/],
    [["--sed", "1"], /unknown option '--sed'; did you mean/],
    [["nothing.jsonc"], /the recipe must exist, got 'nothing\.jsonc'/],
    [["deno"], /'deno' is no recipe; did you mean 'demo'\?/],
  ])("train %j", async (args, message) => {
    expect(await refusal(2, "train", ...args)).toMatch(message);
  });

  it("an unknown command, and an argument that is missing", async () => {
    expect(await refusal(2, "trian")).toMatch(/^performer: unknown command 'trian'; did you mean train\?/);
    expect(await refusal(2, "eval")).toMatch(/^performer eval: missing required argument 'folder'/);
  });
});

describe("run folders", () => {
  const copy = (name: string) => {
    cpSync(place.path("run"), place.path(name), { recursive: true });
    return (...names: string[]) => place.path(name, ...names);
  };

  it("an output folder that holds another run, or anything else", async () => {
    const message =
      /run: the folder must be new or empty, got one with .*; choose another --out \(run-2 is free\).* Nothing in it was changed/;
    expect(await refusal(1, "train", ...common, ...tiny, "--out", "run")).toMatch(message);
    mkdirSync(place.path("notes"));
    writeFileSync(place.path("notes", "thesis.txt"), "three years of work");
    expect(await refusal(1, "train", ...common, ...tiny, "--out", "notes")).toMatch(
      /notes: the folder must be new or empty/,
    );
  });

  it("a folder that is no run, and one that is not there", async () => {
    mkdirSync(place.path("hollow"));
    expect(await refusal(1, "eval", "hollow")).toMatch(/hollow is no run folder: it must hold config\.json/);
    expect(await refusal(1, "generate", "nowhere")).toMatch(
      /nowhere: a model's folder or its name on the hub \(owner\/name\) is needed, but there is no such folder/,
    );
    expect(await refusal(1, "train", "--resume", "nowhere")).toMatch(/nowhere: a run folder is needed/);
  });

  it("a run that was stopped before its first checkpoint", async () => {
    mkdirSync(place.path("early"));
    cpSync(place.path("run", "config.json"), place.path("early", "config.json"));
    expect(await refusal(1, "train", "--resume", "early")).toMatch(/early: a run must have a checkpoint to be resumed/);
    expect(await refusal(1, "eval", "early")).toMatch(/not found .*they come with the first checkpoint/);
  });

  it("weights that were cut short", async () => {
    const at = copy("short");
    truncateSync(at("model.safetensors"), 5000);
    expect(await refusal(1, "eval", "short")).toMatch(
      /short\/model\.safetensors: .*cut short, copy or download it again/,
    );
    expect(await refusal(1, "generate", "short")).toMatch(/cut short/);
    for (const name of ["model.safetensors", "optimizer.safetensors", "trainer_state.json"]) {
      const damaged = copy(`short-${name}`);
      truncateSync(damaged("checkpoint-3", name), 30);
      expect(await refusal(1, "train", "--resume", `short-${name}`)).toMatch(
        new RegExp(`the newest checkpoint .*checkpoint-3 is damaged: .*${name}.*cut short`),
      );
    }
  });

  it("weights of another architecture", async () => {
    const at = copy("foreign");
    cpSync(place.path("wider", "model.safetensors"), at("model.safetensors"));
    cpSync(place.path("wider", "checkpoint-3", "model.safetensors"), at("checkpoint-3", "model.safetensors"));
    const message =
      /model\.safetensors: tensor 'tokenEmbedding\.weight' must be float32\[29, 16\], got float32\[29, 20\]; the weights are of another architecture/;
    for (const args of [
      ["eval", "foreign"],
      ["generate", "foreign"],
      ["train", "--resume", "foreign"],
    ]) {
      expect(await refusal(1, ...args)).toMatch(message);
    }
  });

  it("an optimizer state of another architecture", async () => {
    const at = copy("mixed");
    cpSync(place.path("wider", "checkpoint-3", "optimizer.safetensors"), at("checkpoint-3", "optimizer.safetensors"));
    expect(await refusal(1, "train", "--resume", "mixed")).toMatch(
      /optimizer\.safetensors: .*'first\.tokenEmbedding\.weight'/,
    );
  });

  it("a configuration that was edited into nonsense", async () => {
    const at = copy("edited");
    const config = readFileSync(at("config.json"), "utf8");
    writeFileSync(at("config.json"), config.replace('"numLayers": 2', '"numLayers": 0'));
    expect(await refusal(1, "eval", "edited")).toMatch(/edited\/config\.json: model: numLayers must be .*, got 0/);
    writeFileSync(at("config.json"), config.slice(0, 40));
    expect(await refusal(1, "eval", "edited")).toMatch(/edited\/config\.json must be JSON/);
  });
});

describe("a full disk", () => {
  const disk = place.path("disk");
  let mounted = false;

  beforeAll(() => {
    mkdirSync(disk);
    try {
      // Room for one checkpoint of the model below (about 300 kB), not for two.
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=480k", "tmpfs", disk], { stdio: "ignore" });
      mounted = true;
    } catch {
      // Only root may mount, and not in every container.
    }
  });
  afterAll(() => {
    if (mounted) execFileSync("umount", [disk]);
  });

  it("says so, keeps the checkpoint that there is, and training can go on from it", async (context) => {
    if (!mounted) context.skip("a file system of its own can be mounted by root only");
    const sizes = ["modelDim=32", "mlpDim=128", "steps=6", "checkpointInterval=2"].flatMap((each) => ["--set", each]);
    const { code, stdout, stderr } = await place.run(
      "train",
      ...common,
      ...tiny,
      ...sizes,
      "--out",
      "disk/run",
      "--json",
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /performer train: disk full: disk\/run\/\S+ needs \d+ bytes, \d+ free; free some space .*The checkpoint of step 2 is whole; continue with: .*train --resume disk\/run/,
    );
    expect(stderr).not.toMatch(/^\s+at |defect/m);
    expect(readdirSync(place.path("disk", "run")).toSorted()).toEqual([
      "checkpoint-2",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
    ]);
    expect((await place.run("eval", "disk/run", ...oneThread)).code).toBe(0);
    execFileSync("mount", ["-o", "remount,size=4m", disk]);
    const rest = await place.run("train", "--resume", "disk/run");
    expect(rest.code, rest.stderr).toBe(0);
  });
});
