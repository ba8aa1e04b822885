/** The layer rule: an import that breaks it is refused with its line and a way out; the present tree keeps it. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { layerProblem, layers, layerViolations, readSourceFiles } from "../scripts/layers.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const refused = [
  ["a lower layer that imports a higher one", "src/ops/matmul.ts", "../autodiff/index.ts"],
  ["a higher layer from a folder within", "src/attention/favor/causal.ts", "../../model/performer.ts"],
  ["the root", "src/model/performer.ts", "../index.ts"],
  ["the root in the command line", "src/cli/train.ts", "../index.ts"],
  ["the command line in the root", "src/index.ts", "./cli/main.ts"],
  ["benchmarks in the root", "src/index.ts", "./bench/attention.ts"],
  ["the package by its own name", "src/cli/train.ts", "performer-ts"],
  ["a folder that is in no layer", "src/helpers/array.ts", "../ops/sum.ts"],
  ["a file at the root that is in no layer", "src/helpers.ts", "./ops/sum.ts"],
  ["a path out of src", "src/cli/bench.ts", "../../tests/page.ts"],
  ["a Node built-in in portable code", "src/training/loop.ts", "node:fs/promises"],
  ["a Node built-in in a format of files", "src/storage/run-folder.ts", "node:path"],
  ["a Node built-in without its prefix", "src/data/fasta.ts", "fs"],
  ["a Node built-in in what claims share", "src/lab/claim.ts", "node:fs/promises"],
  ["Node's process in a task", "src/tasks/train/train.ts", "node:process"],
  ["option parsing in a task", "src/tasks/train/train.ts", "commander"],
  ["a progress bar in a benchmark", "src/bench/train.ts", "cli-progress"],
  ["the engine outside the runtime", "src/attention/favor/causal.ts", "onnxruntime-node"],
  ["the engine's subpath in the command line", "src/cli/lab.ts", "onnxruntime-web/webgpu"],
  ["the Node engine in the browser's file", "src/runtime/web.ts", "onnxruntime-node"],
  ["the command line in what claims share", "src/lab/claim.ts", "../cli/output/json.ts"],
  ["a compiled inner file in a claim", "lab/length/run.ts", "../../dist/ops/sum.js"],
  ["an inner file in a claim", "lab/length/run.ts", "../../src/ops/sum.ts"],
] as const;

const accepted = [
  ["the layer below", "src/autodiff/reverse.ts", "../ops/add.ts"],
  ["what the layer below knows", "src/autodiff/reverse.ts", "../graph/tensor.ts"],
  ["a neighbour in the same layer", "src/attention/favor/causal.ts", "./feature-map.ts"],
  ["a folder named as a layer, within a layer", "src/runs/dataset.ts", "./data/source.ts"],
  ["every layer below, at the root", "src/index.ts", "./models/performer-model.ts"],
  ["a Node built-in in the disk's files", "src/files/node.ts", "node:fs/promises"],
  ["an ordinary library", "src/model/config.ts", "zod"],
  ["option parsing in the command line", "src/cli/train.ts", "commander"],
  ["the engine in its own file", "src/runtime/node-native.ts", "onnxruntime-node"],
  ["the browser's engine in Node", "src/runtime/node-wasm.ts", "onnxruntime-web"],
  ["a test that looks upwards", "src/ops/add.test.ts", "../autodiff/index.ts"],
  ["what claims share in the command line", "src/cli/lab/command.ts", "../../lab/index.ts"],
  ["the package by name in a claim", "lab/length/run.ts", "performer-ts"],
] as const;

describe("the layer rule", () => {
  it.each(refused)("refuses %s", (_case, path, specifier) => {
    expect(layerProblem(path, specifier)).toBeDefined();
  });

  it.each(accepted)("accepts %s", (_case, path, specifier) => {
    expect(layerProblem(path, specifier)).toBeUndefined();
  });

  it("names the layers and the way out", () => {
    expect(layerProblem("src/ops/matmul.ts", "../autodiff/index.ts")).toBe(
      "ops knows only graph; it cannot import autodiff: move what both need down, or pass it in as an argument",
    );
  });

  it("has a place for everything in src, and for nothing else", () => {
    const entries = readdirSync(join(root, "src"));
    expect(layers.map(({ name }) => name).toSorted()).toEqual(entries.toSorted());
  });

  it("sees imports, types, re-exports and dynamic imports, with their lines, and no examples in comments", () => {
    const text = [
      'import "../model/a.ts";',
      'import type { B } from "../model/b.ts";',
      'export * from "../model/c.ts";',
      'export { d } from "../model/d.ts";',
      'export const e = await import("../model/e.ts");',
      'export type F = B | import("../model/f.ts").F;',
      'export { sum } from "./sum.ts";',
      ' * import { model } from "../model/index.ts";',
    ].join("\n");
    const lines = layerViolations([{ path: "src/ops/matmul.ts", text }]).map(({ line }) => line);
    expect(lines.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("holds in the present tree", () => {
    expect(layerViolations(readSourceFiles())).toEqual([]);
  });
});
