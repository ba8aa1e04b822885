/**
 * A plain `npm install` of the packed package succeeds where the native engine's install script cannot download, and
 * everything runs on wasm.
 */

import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

import { favorAttention } from "../../src/attention/index.ts";
import { createWorkplace, oneThread, tinyFasta, tinyModel } from "./cli.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const place = createWorkplace();

/**
 * A user's environment: nothing of the npm that runs the tests, and for install scripts a proxy that answers to
 * nothing.
 */
const environment: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|ONNXRUNTIME_NODE_INSTALL|NODE_)/i.test(name) || /^npm_config_(registry|cache)$/i.test(name),
    ),
  ),
  GLOBAL_AGENT_HTTPS_PROXY: "http://127.0.0.1:9",
};

const npm = (cwd: string, ...args: string[]) => spawnSync("npm", args, { cwd, encoding: "utf8", env: environment });

function node(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const env = { ...environment, ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: place.folder, encoding: "utf8", env });
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
}

const rows = Array.from({ length: 7 }, (_, t) => Float32Array.from({ length: 4 }, (_, d) => Math.sin(0.3 * t + d)));
const options = { numHeads: 2, numFeatures: 5, seed: 7, causal: true };
const program = `import { favorAttention, PerformerForCausalLM } from "performer-ts";
  const rows = ${JSON.stringify(rows.map((row) => [...row]))};
  const { data } = await favorAttention({ q: rows, k: rows, v: rows }, ${JSON.stringify(options)});
  const model = PerformerForCausalLM.create({ modelDim: 8, numLayers: 1, numHeads: 1, numFeatures: 3, maxSeqLen: 16, seed: 7 });
  await model.train(["MKVL"], { steps: 3, warmupSteps: 1 });
  const [sample] = await model.generate("MK", { max_new_tokens: 3 });
  console.log(JSON.stringify({ data: [...data], generated: sample.sequence }));`;

const notice =
  /onnxruntime-node is not installed.*: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@\d+\.\d+\.\d+$/gm;

/** Sums in another order, in float32. */
const TOLERANCE = 1e-5;

afterAll(() => place[Symbol.dispose]());

it("installs where the download of the native engine is blocked, and attends, trains, generates and runs commands on wasm", async (context) => {
  if (process.platform !== "linux" || process.arch !== "x64") context.skip("onnxruntime-node downloads nothing here");
  expect(npm(root, "pack", "--ignore-scripts", "--pack-destination", place.folder).status).toBe(0);
  place.write("package.json", '{ "private": true }');
  const fetching = ["--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"];
  const installed = npm(
    place.folder,
    "install",
    `./performer-ts-${version}.tgz`,
    "--no-audit",
    "--no-fund",
    ...fetching,
  );
  if (/ENOTFOUND|ECONNREFUSED|ENOTCACHED|ETIMEDOUT|EAI_AGAIN/.test(installed.stderr)) {
    context.skip("npm reaches no registry");
  }
  expect(installed.status, installed.stderr).toBe(0);
  expect(readdirSync(place.path("node_modules")).filter((name) => name.startsWith("onnxruntime"))).toEqual([
    "onnxruntime-common",
    "onnxruntime-web",
  ]);

  place.write("program.mjs", program);
  const { stdout, stderr } = node(["program.mjs"]);
  expect(stderr.match(notice), stderr).toHaveLength(1);
  const { data, generated } = JSON.parse(stdout);
  expect(generated).toMatch(/^MK/);
  const native = await favorAttention({ q: rows, k: rows, v: rows }, options);
  native.data.forEach((value, index) => expect(Math.abs(data[index] - value)).toBeLessThan(TOLERANCE));
  const inWorker = ["--eval", `new (require("node:worker_threads").Worker)("./program.mjs")`];
  expect(node(inWorker, { NODE_NO_WARNINGS: "1" })).toEqual({ stdout, stderr: "" });

  place.write("tiny.fasta", tinyFasta());
  const command = ["node_modules/performer-ts/dist/cli/main.js"];
  const settings = ["--fasta", "tiny.fasta", ...oneThread, ...tinyModel, "--set", "steps=3"];
  const trained = node([...command, "train", ...settings, "--out", "run"]);
  expect(trained.stderr.match(notice), trained.stderr).toHaveLength(1);
  expect(trained.stderr).not.toContain("--trace-warnings");
  expect(node([...command, "generate", "run", "--prompt", "MKV", "--tokens", "5"]).stdout).toContain("MKV");
});

it("declares no types of the native engine, which may be missing", () => {
  const folder = `${root}/dist`;
  const declarations = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".d.ts"),
  );
  expect(declarations.length).toBeGreaterThan(100);
  expect(
    declarations.filter((name) => readFileSync(`${folder}/${name}`, "utf8").includes('"onnxruntime-node"')),
  ).toEqual([]);
});
