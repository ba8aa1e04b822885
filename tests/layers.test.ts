// The layer rule: a file that breaks it is refused with its line, the rule and a way out; the present tree keeps it.

import { describe, expect, it } from "vitest";
import { layerViolations, readSourceFiles } from "../scripts/layers.mjs";

const refused = [
  ["a lower layer that imports a higher one", "src/ops/matmul.ts", `import { gradients } from "../autodiff/index.ts";`],
  ["a type from a higher layer", "src/graph/shape.ts", `import type { Op } from "../ops/matmul.ts";`],
  ["a re-export from a higher layer", "src/random/index.ts", `export * from "../model/index.ts";`],
  ["an import for its effect", "src/onnx/writer.ts", `import "../runtime/worker.ts";`],
  ["a dynamic import", "src/storage/safetensors.ts", `const late = await import("../training/loop.ts");`],
  ["an import of the root", "src/model/performer.ts", `import { sum } from "../index.ts";`],
  ["an import of the package by its own name", "src/cli/train.ts", `import { sum } from "performer-ts";`],
  ["a folder that is in no layer", "src/helpers/array.ts", `import { sum } from "../ops/sum.ts";`],
  ["a path out of src", "src/cli/bench.ts", `import { page } from "../../tests/page.ts";`],
  ["a Node built-in in portable code", "src/training/loop.ts", `import { readFile } from "node:fs/promises";`],
  ["a Node built-in in a format of files", "src/storage/run-folder.ts", `import { join } from "node:path";`],
  ["a Node built-in without its prefix", "src/data/fasta.ts", `import { readFileSync } from "fs";`],
  ["the engine outside the runtime", "src/attention/favor/causal.ts", `import * as ort from "onnxruntime-node";`],
  ["the engine's subpath in the command line", "src/cli/lab.ts", `import * as ort from "onnxruntime-web/webgpu";`],
  ["the Node engine in the browser's file", "src/runtime/web.ts", `import * as ort from "onnxruntime-node";`],
  ["a Node built-in in what claims share", "src/lab/claim.ts", `import { writeFile } from "node:fs/promises";`],
  ["the command line in what claims share", "src/lab/claim.ts", `import { printJson } from "../cli/output/json.ts";`],
  ["a compiled inner file in a claim", "lab/length/run.ts", `import { sum } from "../../dist/ops/sum.js";`],
  ["an inner file in a claim", "lab/length/run.ts", `import { sum } from "../../src/ops/sum.ts";`],
] as const;

const accepted = [
  ["the layer below", "src/autodiff/reverse.ts", `import { add } from "../ops/add.ts";`],
  ["what the layer below knows", "src/autodiff/reverse.ts", `import type { Tensor } from "../graph/tensor.ts";`],
  ["a neighbour in the same layer", "src/attention/favor/causal.ts", `import { phi } from "./feature-map.ts";`],
  ["everything, at the root", "src/index.ts", `export * from "./model/index.ts";`],
  ["a Node built-in in the disk's files", "src/files/node.ts", `import { open } from "node:fs/promises";`],
  ["an ordinary library", "src/model/config.ts", `import { z } from "zod";`],
  ["the engine in its own file", "src/runtime/node-native.ts", `import * as ort from "onnxruntime-node";`],
  ["the browser's engine in Node", "src/runtime/node-wasm.ts", `import * as ort from "onnxruntime-web";`],
  ["a test that looks upwards", "src/ops/add.test.ts", `import { gradients } from "../autodiff/index.ts";`],
  ["an example in a comment", "src/graph/tensor.ts", ` * import { model } from "../model/index.ts";`],
  ["what claims share in the command line", "src/cli/lab/command.ts", `import { runClaim } from "../../lab/index.ts";`],
  ["the package by name in a claim", "lab/length/run.ts", `import { sum } from "performer-ts";`],
] as const;

describe("the layer rule", () => {
  it.each(refused)("refuses %s", (_case, path, text) => {
    expect(layerViolations([{ path, text: `// Purpose.\n\n${text}\n` }])).toMatchObject([{ path, line: 3 }]);
  });

  it.each(accepted)("accepts %s", (_case, path, text) => {
    expect(layerViolations([{ path, text }])).toEqual([]);
  });

  it("names the layers and the way out", () => {
    const text = `import {\n  gradients,\n} from "../autodiff/index.ts";\n`;
    expect(layerViolations([{ path: "src/ops/matmul.ts", text }])).toEqual([
      {
        path: "src/ops/matmul.ts",
        line: 3,
        rule: "ops knows only graph; it cannot import autodiff",
        fix: "move what both need down, or pass it in as an argument",
      },
    ]);
  });

  it("holds in the present tree", () => {
    expect(layerViolations(readSourceFiles())).toEqual([]);
  });
});
