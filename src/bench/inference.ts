/** Proteins through a model, as embed and score read them, beside the rate of the machine's matrix products. */

import { createBackend } from "#engine";
import { proteinVocabulary, type EncodedSequence } from "../data/index.ts";
import { embedSequences } from "../inference/embed.ts";
import { scoreSequences } from "../inference/score.ts";
import { countParameters, type ModelConfig } from "../model/index.ts";
import { describeMechanism } from "../model/stacks.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";
import type { TaskContext } from "../runs/events.ts";
import type { Backend } from "../runtime/index.ts";
import { initialState } from "../training/index.ts";
import { peakMemoryBytes } from "./child/peak-memory.ts";
import { forwardFlop } from "./flop.ts";
import { describeMachine, gemmContender, gemmGflops, type Contender, type Machine } from "./measure.ts";
import { benchProgress } from "./progress.ts";

/** What is done with proteins. */
export const inferenceTasks = ["embed", "score"] as const;
export type InferenceTask = (typeof inferenceTasks)[number];

export interface InferenceBenchSettings {
  readonly config: ModelConfig;
  readonly sequences: readonly EncodedSequence[];
  readonly tasks: readonly InferenceTask[];
  readonly dtype: WeightDtype;
  readonly tokensPerBatch?: number;
  readonly threads: number;
}

export interface InferenceBenchRow {
  readonly task: InferenceTask;
  /** All of it: reading ahead, packing, compiling, running, reading results. */
  readonly seconds: number;
  readonly residuesPerSecond: number;
  /** 10⁹ operations of the textbook's matrix products for the tokens of the sequences; padding does not count. */
  readonly gflop: number;
  /** gflop over seconds, as a share of the rate of a 1024³ product measured in between. */
  readonly shareOfGemm: number;
  readonly gemmGflops: number;
  /** The share of computed positions that hold no token. */
  readonly paddingShare: number;
  readonly graphs: number;
  readonly compileSeconds: number;
  /** In the engine. */
  readonly runSeconds: number;
  readonly batches: number;
}

export interface InferenceBenchResult {
  readonly machine: Machine;
  readonly model: string;
  readonly sequences: number;
  readonly residues: number;
  readonly rows: readonly InferenceBenchRow[];
  /** Largest memory of the process so far. */
  readonly peakBytes: number;
}

/** Between two measurements of the product's rate. */
const GEMM_INTERVAL_MS = 500;
const GEMM_ROUNDS = 3;

/** With random weights: what a model has learnt does not change its speed. */
export async function benchInference(
  settings: InferenceBenchSettings,
  context: TaskContext = {},
): Promise<InferenceBenchResult> {
  const { config, sequences, tasks, threads } = settings;
  const residues = sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const backend = createBackend({ threads });
  const work = { label: "bench inference", unit: "residues", total: tasks.length * residues };
  using progress = benchProgress(context, work);
  await using gemm = await gemmContender(backend);
  const rows: InferenceBenchRow[] = [];
  for (const [index, task] of tasks.entries()) {
    const tell = (done: number) => progress.update(index * residues + done, { task });
    rows.push(await benchTask(task, settings, backend, gemm, tell));
  }
  return {
    machine: describeMachine(threads),
    model:
      `${config.architecture}, ${describeMechanism(config)}, ${config.numLayers} layers, modelDim ${config.modelDim}, ` +
      `${config.numHeads} heads, numFeatures ${config.numFeatures}, mlpDim ${config.mlpDim}, ${countParameters(config)} parameters`,
    sequences: sequences.length,
    residues,
    rows,
    peakBytes: peakMemoryBytes(),
  };
}

async function benchTask(
  task: InferenceTask,
  { config, sequences, dtype, tokensPerBatch }: InferenceBenchSettings,
  backend: Backend,
  gemm: Contender,
  onProgress: (residues: number) => void,
): Promise<InferenceBenchRow> {
  const { model: tensors } = initialState(config, 0);
  const watched = watchedBackend(backend, gemm);
  const options = {
    config,
    tensors,
    vocabulary: proteinVocabulary,
    backend: watched.backend,
    sequences,
    dtype,
    onProgress,
    ...(tokensPerBatch !== undefined && { tokensPerBatch }),
  };
  // An encoder's exact score takes as many passes as there are residues: that is measured by one.
  const method = config.architecture === "encoder" ? ({ method: "one-pass" } as const) : {};
  const results = task === "embed" ? embedSequences(options) : scoreSequences({ ...options, ...method });
  const started = performance.now();
  let count = 0;
  for await (const _ of results) count++;
  const { seen } = watched;
  const seconds = (performance.now() - started - seen.gemmMs.reduce((sum, ms) => sum + ms, 0)) / 1000;
  const tokens = seen.places - seen.padding;
  const gflop = forwardFlop(config, tokens, { head: task === "score" }) / 1e9;
  const rate = gemmGflops(seen.gemmMs);
  const residues = sequences.slice(0, count).reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  return {
    task,
    seconds,
    residuesPerSecond: residues / seconds,
    gflop,
    shareOfGemm: gflop / seconds / rate,
    gemmGflops: rate,
    paddingShare: seen.padding / seen.places,
    graphs: seen.graphs,
    compileSeconds: seen.compileMs / 1000,
    runSeconds: seen.runMs / 1000,
    batches: seen.batches,
  };
}

/** The same backend, which notes what is compiled and run, and measures the product's rate now and then. */
function watchedBackend(backend: Backend, gemm: Contender) {
  const seen = { graphs: 0, compileMs: 0, runMs: 0, batches: 0, places: 0, padding: 0, gemmMs: [] as number[] };
  let measuredMs = Number.NEGATIVE_INFINITY;
  const measureGemm = async (): Promise<void> => {
    if (performance.now() - measuredMs < GEMM_INTERVAL_MS) return;
    for (let round = 0; round < GEMM_ROUNDS; round++) {
      const before = performance.now();
      await gemm.run();
      seen.gemmMs.push(performance.now() - before);
    }
    measuredMs = performance.now();
  };
  const watched: Backend = {
    device: backend.device,
    compile: async (graph, weights) => {
      const before = performance.now();
      const executable = await backend.compile(graph, weights);
      seen.compileMs += performance.now() - before;
      seen.graphs++;
      return {
        ...executable,
        run: async (feeds) => {
          const start = performance.now();
          const outputs = await executable.run(feeds);
          seen.runMs += performance.now() - start;
          seen.batches++;
          const { tokenIds } = feeds;
          const ids = tokenIds === undefined || ArrayBuffer.isView(tokenIds) ? tokenIds : tokenIds.data;
          seen.places += ids?.length ?? 0;
          ids?.forEach((id: number | bigint) => (seen.padding += Number(id === proteinVocabulary.padId)));
          await measureGemm();
          return outputs;
        },
      };
    },
  };
  return { backend: watched, seen };
}
