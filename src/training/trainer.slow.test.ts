/** Training learns: a model can know one batch by heart. */
import { createBackend } from "#engine";
import { expect, it } from "vitest";
import { randomBatch, tinyConfig } from "../../tests/model/harness.ts";
import { trainingConfig } from "./config.ts";
import { train } from "./trainer.ts";

it.each(["favor", "favor-relu", "exact"] as const)(
  "overfits one batch with %s to a loss below 0.05",
  async (mechanism) => {
    const config = tinyConfig({ mechanism, modelDim: 32, mlpDim: 64, numFeatures: 24 });
    const batch = randomBatch(config, 2, 13);
    // Rows that began alike and went on differently could not both be known: ln 2 would remain at their first positions.
    batch.inputIds[0] = 4;
    batch.inputIds[13] = 7;
    const steps = 300;
    let lossNats = Number.POSITIVE_INFINITY;
    await train({
      config,
      training: trainingConfig({ seed: 7, steps, learningRate: 0.01, warmupSteps: 20, clipNorm: 0, redrawInterval: 0 }),
      backend: createBackend(),
      batches: { batchAt: () => batch },
      onStep: (progress) => {
        ({ lossNats } = progress);
      },
    });
    expect(lossNats).toBeLessThan(0.05);
  },
);
