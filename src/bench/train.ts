/** A whole training step beside the rate of the machine's matrix products. */

import { createBackend } from "#engine";
import { proteinVocabulary } from "../data/index.ts";
import { countParameters, modelConfig, type ModelOptions } from "../model/index.ts";
import { describeMechanism } from "../model/stacks.ts";
import { createRandom } from "../random/index.ts";
import type { TaskContext } from "../runs/events.ts";
import { initialState, train, trainingConfig } from "../training/index.ts";
import { median } from "../statistics/index.ts";
import { stepFlop } from "./flop.ts";
import { peakMemoryBytes } from "./child/peak-memory.ts";
import { describeMachine, gemmContender, gemmGflops, type Machine } from "./measure.ts";
import { benchProgress } from "./progress.ts";

export interface TrainBenchSettings {
  readonly model: Omit<ModelOptions, "vocabSize">;
  readonly batchSize: number;
  readonly seqLen: number;
  /** Tokens of the parts in which sequences are read; default 0: in one go. */
  readonly segmentLength?: number;
  /** Steps measured, after one that is not. */
  readonly steps: number;
  readonly threads: number;
}

export interface TrainBenchRow {
  readonly model: string;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  /** 10⁹ operations of the textbook algorithm's matrix products in one step; recomputed ones do not count. */
  readonly gflop: number;
  /** gflop over stepMs, as a share of the rate of a 1024³ product measured between the steps. */
  readonly shareOfGemm: number;
  /** Largest memory of the process so far. */
  readonly peakBytes: number;
}

export interface TrainBenchResult {
  readonly machine: Machine;
  readonly gemm: { readonly gflops: number };
  readonly rows: readonly TrainBenchRow[];
}

/** Trains on random tokens: loss, gradients, clipping and AdamW, as `performer train` does it. */
export async function benchTrain(settings: TrainBenchSettings, context: TaskContext = {}): Promise<TrainBenchResult> {
  const { batchSize, seqLen, steps, segmentLength = 0 } = settings;
  const config = modelConfig({ ...settings.model, vocabSize: proteinVocabulary.size });
  const tokens = batchSize * seqLen;
  const random = createRandom(1, "bench", "train");
  const draw = (seqLen: number) => {
    const ids = () => Int32Array.from({ length: batchSize * seqLen }, () => 4 + random.integer(20));
    const weights = new Float32Array(batchSize * seqLen).fill(1);
    return { batchSize, seqLen, inputIds: ids(), targetIds: ids(), weights };
  };
  const batch = draw(seqLen);
  // Two parts need the same graphs as two hundred: the step that compiles them need not be a long one.
  const first = segmentLength > 0 && seqLen > 2 * segmentLength ? draw(2 * segmentLength) : batch;

  const backend = createBackend({ threads: settings.threads });
  using progress = benchProgress(context, { label: "bench train", total: steps + 1 });
  await using gemm = await gemmContender(backend);
  const gemmMs: number[] = [];
  const stepMs: number[] = [];
  let started = performance.now();
  await train({
    config,
    training: trainingConfig({ steps: steps + 1, warmupSteps: 1, redrawInterval: 0, segmentLength }),
    backend,
    batches: { batchAt: (step) => (step === 0 ? first : batch) },
    initial: initialState(config, 0),
    onStep: async ({ step }) => {
      if (step > 1) stepMs.push(performance.now() - started);
      for (let round = 0; round < 5; round++) {
        const before = performance.now();
        await gemm.run();
        gemmMs.push(performance.now() - before);
      }
      progress.update(step);
      started = performance.now();
    },
  });
  const gflops = gemmGflops(gemmMs);
  const ms = median(stepMs);
  const gflop = stepFlop(config, tokens) / 1e9;
  return {
    machine: describeMachine(settings.threads),
    gemm: { gflops },
    rows: [
      {
        model:
          `${describeMechanism(config)}, ${config.numLayers} layers, modelDim ${config.modelDim}, ${config.numHeads} heads, ` +
          `numFeatures ${config.numFeatures}, mlpDim ${config.mlpDim}, ${batchSize} × ${seqLen} tokens` +
          `${segmentLength > 0 ? ` in parts of ${segmentLength}` : ""}, ` +
          `${countParameters(config)} parameters`,
        stepMs: ms,
        tokensPerSecond: (1000 * tokens) / ms,
        gflop,
        shareOfGemm: gflop / (ms / 1000) / gflops,
        peakBytes: peakMemoryBytes(),
      },
    ],
  };
}
