/** Attention and a training step on WebGPU: equal to the CPU's, and nothing of them runs on the CPU in secret. */

import { describe, expect, it } from "vitest";
import { createMechanism } from "../../src/attention/choice.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { modelConfig } from "../../src/model/config.ts";
import { createBackend } from "../../src/runtime/node.ts";
import { trainingConfig } from "../../src/training/config.ts";
import { train } from "../../src/training/trainer.ts";
import { webgpuMissing } from "../webgpu-driver.ts";
import { drawArrays, relativeError, runMechanism, type AttentionCase } from "./conformance.ts";
import { isRefused } from "./subjects.ts";

/** Relative to the largest entry; exponentials on the GPU are good to a few units in the last place only. */
const TOLERANCE = { output: 1e-4, gradient: 1e-3, loss: 1e-4 } as const;

const sizes = { B: 2, H: 3, D: 5, E: 7, M: 11, L: 139, S: 139 } as const;

describe.skipIf(webgpuMissing !== "")(`on WebGPU${webgpuMissing}`, () => {
  const webgpu = createBackend({ device: "webgpu", strictDevice: true });

  const compare = async (mechanism: AttentionMechanism, options: Partial<AttentionCase>) => {
    // Features of either sign: a short way from the origin, where denominators stay away from 0.
    const near = mechanism.map?.positive === false ? { scale: 0.2, mean: 0.7 } : {};
    const test = { sizes, causal: false, ...options, ...near, form: "parallel" as const };
    const arrays = drawArrays(mechanism, test);
    const expected = await runMechanism(mechanism, test, arrays);
    const actual = await runMechanism(mechanism, test, arrays, webgpu);
    for (const name of ["out", "dq", "dk", "dv"] as const) {
      const wanted = Float64Array.from(expected[name].data, Number);
      const tolerance = name === "out" ? TOLERANCE.output : TOLERANCE.gradient;
      expect(relativeError(actual[name].data, wanted), name).toBeLessThan(tolerance);
    }
  };

  // Those over given edges are nothing without them.
  const { favor, "favor-relu": favorRelu, exact, graph: _graph, gat: _gat, ...table } = mechanisms;
  const edges = Array.from({ length: 100 }, (_, index) => [(7 * index) % 59, (11 * index) % 61]);
  const overEdges = (["graph", "gat"] as const).map((name) => createMechanism({ name, edges }, "test"));
  const others: readonly AttentionMechanism[] = [...Object.values(table), ...overEdges];

  describe.each([favor, favorRelu, exact])("$name", (mechanism) => {
    it.each([
      { label: "causal", causal: true },
      { label: "bidirectional with padding", realKeys: [71, 139] },
      { label: "causal with large norms", causal: true, scale: 6 },
      { label: "with a projection a head", causal: true, projection: { perHead: true } },
    ])("gives the CPU's output and gradients: $label", async ({ label: _label, ...options }) => {
      await compare(mechanism, options);
    });
  });

  it.each(others)("$name gives the CPU's output and gradients", async (mechanism) => {
    // Longer than the defaults of landmarks, so that no mechanism takes a way of its own for short sequences.
    const length = mechanism.map ? 17 : 139;
    const small = { ...sizes, B: 1, H: 2, L: length, S: length };
    const causal = mechanism.statistics === undefined;
    const test = { sizes: small, maxSeqLen: 311 };
    await compare(mechanism, { ...test, causal: causal && !isRefused(mechanism, { ...test, causal }) });
  });

  it("trains as the CPU does", async () => {
    const config = modelConfig({
      vocabSize: 13,
      modelDim: 16,
      numLayers: 2,
      numHeads: 2,
      numFeatures: 7,
      dropout: 0.1,
    });
    const tokens = 2 * 64;
    const ids = (factor: number) => Int32Array.from({ length: tokens }, (_, i) => (i * factor) % 13);
    const batch = {
      batchSize: 2,
      seqLen: 64,
      inputIds: ids(5),
      targetIds: ids(7),
      weights: new Float32Array(tokens).fill(1),
    };
    const losses = async (backend: typeof webgpu) => {
      const seen: number[] = [];
      await train({
        config,
        training: trainingConfig({ steps: 3, seed: 11 }),
        backend,
        batches: { batchAt: () => batch },
        onStep: ({ lossNats }) => void seen.push(lossNats),
      });
      return seen;
    };
    const expected = await losses(createBackend());
    const actual = await losses(webgpu);
    actual.forEach((loss, step) =>
      expect(Math.abs(loss - (expected[step] ?? Number.NaN))).toBeLessThan(TOLERANCE.loss),
    );
  });
});
