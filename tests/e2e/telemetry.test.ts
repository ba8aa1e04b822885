/**
 * The native engine reports nothing from any entrance: a fresh home stays empty, and no length of the command line ends
 * the process.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { createWorkplace, oneThread, parseOnly, tinyFasta, tinyModel } from "./cli.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const place = createWorkplace();

/** Attention and a step of training, with the package as its users import it. */
const work = `const { favorAttention, PerformerForCausalLM } = await import("performer-ts");
  const rows = Array.from({ length: 5 }, () => new Float32Array(4).fill(1));
  const { data } = await favorAttention({ q: rows, k: rows, v: rows }, { numHeads: 1, numFeatures: 3 });
  const model = PerformerForCausalLM.create({ modelDim: 8, numLayers: 1, numHeads: 1, numFeatures: 3, maxSeqLen: 16 });
  await model.train(["MKVL"], { steps: 1, warmupSteps: 1 });
  console.log(data.length, process.env.ORT_DISABLE_TELEMETRY);`;
const startWorker = `const { Worker } = await import("node:worker_threads");
  const worker = new Worker(${JSON.stringify(`(async () => { ${work} })()`)}, { eval: true, execArgv: [] });
  const ended = new Promise((resolve) => worker.on("exit", resolve));`;

let homes = 0;

/** Runs Node in a home of its own, and gives what it printed and which files the home has then. */
function runAtHome(args: readonly string[], cwd: string, variables: Readonly<Record<string, string>> = {}) {
  const home = place.path(`home-${++homes}`);
  mkdirSync(home);
  const { ORT_DISABLE_TELEMETRY: _own, XDG_CACHE_HOME: _cache, ...inherited } = process.env;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    env: { ...inherited, HOME: home, LOCALAPPDATA: home, ...variables },
    maxBuffer: 2 ** 26,
  });
  expect({ status, signal }, stderr).toEqual({ status: 0, signal: null });
  return { stdout, stderr, files: readdirSync(home, { recursive: true }) };
}

const runCode = (code: string, variables?: Readonly<Record<string, string>>) =>
  runAtHome(["--input-type=module", "--eval", code], root, variables);

beforeAll(() => {
  place.write("tiny.fasta", tinyFasta());
});
afterAll(() => place[Symbol.dispose]());

it.each([
  ["the library", work],
  ["a worker thread, where nothing else has loaded the engine", `${startWorker} await ended;`],
  ["a worker thread beside the main thread", `{ ${work} } ${startWorker} await ended;`],
  [
    "a worker thread while the main thread waits",
    `${startWorker} Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000); await ended;`,
  ],
  [
    "a child process",
    `{ ${work} } (await import("node:child_process")).spawnSync(process.execPath,
      ["--input-type=module", "--eval", ${JSON.stringify(work)}], { stdio: "inherit" });`,
  ],
])("leaves a fresh home empty: %s", (_name, code) => {
  const { stdout, stderr, files } = runCode(code);
  expect(files).toEqual([]);
  expect(stdout).toMatch(/^(20 1\n)+$/);
  expect(stderr).toBe("");
});

it("leaves the variable to those who set it", () => {
  expect(runCode(work, { ORT_DISABLE_TELEMETRY: "0" }).stdout).toBe("20 0\n");
});

it("leaves a fresh home empty after commands, one of them with 100 kB of arguments", () => {
  const train = ["train", "--fasta", "tiny.fasta", ...oneThread, ...tinyModel, "--set", "steps=1", "--out", "run"];
  expect(runAtHome([command, ...train], place.folder).files).toEqual([]);
  const sequence = "MKVLAAGIVG".repeat(10_000);
  const scored = runAtHome([command, "score", "run", "--sequence", sequence, ...oneThread, "--json"], place.folder);
  expect(scored.files).toEqual([]);
  expect(parseOnly(scored.stdout)).toMatchObject({ sequences: [{ tokens: sequence.length }] });
});
