/** Sums into shared rows and a training step on WebAssembly with two threads: right, and the same bits in every run. */

import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { modelConfig } from "../../src/model/config.ts";
import { createBackend } from "../../src/runtime/node.ts";
import { feedsFor, type Executable } from "../../src/runtime/backend.ts";
import { batchOf } from "../model/kinds.ts";
import { prepareStep } from "../model/step.ts";
import { prepare, referenceOutputs } from "../ops/harness.ts";
import { sizedCases } from "./ops-cases.ts";
import { difference, expectSameBits } from "./threads.ts";

/** Over the largest entry, for a few hundred terms. */
const TOLERANCE = 1e-5;
const wasm = createBackend({ device: "wasm", threads: Math.min(2, availableParallelism()) });
const summing = [...sizedCases.gather, ...sizedCases.scatterRows];

async function sameInEveryRun(executable: Executable, feeds: Parameters<Executable["run"]>[0]) {
  const first = await executable.run(feeds);
  for (let run = 1; run < 4; run++) expectSameBits(await executable.run(feeds), first);
  return first;
}

describe("on WebAssembly", () => {
  it.each(summing.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const prepared = prepare(each);
    await using executable = await wasm.compile({ outputs: prepared.outputs });
    const results = await sameInEveryRun(executable, prepared.feeds);
    for (const [name, array] of [...referenceOutputs(prepared, "result"), ...referenceOutputs(prepared, "gradient")]) {
      expect(difference(results[name], array), name).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  it("a training step", async () => {
    const config = modelConfig({
      vocabSize: 29,
      modelDim: 128,
      numLayers: 1,
      numHeads: 2,
      mlpDim: 257,
      maxSeqLen: 1024,
    });
    const { outputs, values } = prepareStep(config, batchOf(config, { batchSize: 4, seqLen: 1024 }), {
      dropout: 0,
      labelSmoothing: 0,
      form: "scan",
    });
    await using executable = await wasm.compile({ outputs });
    await sameInEveryRun(executable, feedsFor(executable, values));
  });
});
