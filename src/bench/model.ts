/**
 * A whole model beside the same model with attention that costs nothing, in time and memory, as in figure 3 of
 * arXiv:2009.14794.
 */

import { proteinVocabulary } from "../data/index.ts";
import { median } from "../statistics/index.ts";
import { modelPresets, type ModelOptions } from "../model/index.ts";
import type { TaskContext } from "../runs/events.ts";
import { availableBytes, refusal, type Skipped } from "./available-memory.ts";
import { startChild, type ChildSettings, type MeasuringChild } from "./child/start.ts";
import { directionOf, type Direction } from "./contender.ts";
import { EXACT_BUDGET_MS } from "./exact.ts";
import { createOwner, describeMachine, measureInTurn, type Contender, type Machine } from "./measure.ts";
import { FREE_ATTENTION, leastModelBytes, type ModelSubject } from "./model-graphs.ts";
import type { Pass } from "./products.ts";
import { countProgress } from "./progress.ts";

/** The two settings of the paper: (heads, layers, mlpDim, modelDim). */
export const benchModels = {
  regular: modelPresets["paper-regular"],
  small: modelPresets["paper-small"],
} as const satisfies Record<string, Omit<ModelOptions, "vocabSize">>;

export type BenchModelName = keyof typeof benchModels;
export const benchModelNames = Object.keys(benchModels) as readonly BenchModelName[]; // the table's own keys

export interface ModelBenchSettings {
  readonly models: readonly BenchModelName[];
  readonly lengths: readonly number[];
  /** Mechanisms of the table; `X` is always measured. */
  readonly mechanisms: readonly string[];
  readonly passes: readonly Pass[];
  readonly directions: readonly Direction[];
  readonly numFeatures: number;
  readonly rounds: number;
  readonly threads: number;
}

export interface ModelBenchRow {
  readonly model: BenchModelName;
  /** A mechanism of the table, or `X`: attention that returns V. */
  readonly mechanism: string;
  readonly causal: boolean;
  readonly seqLen: number;
  readonly pass: Pass;
  readonly medianMs: number;
  readonly minMs: number;
  /** medianMs over that of `X`. */
  readonly ratioToX: number;
  /** Most memory of a process that does nothing else. */
  readonly peakBytes: number;
  /** peakBytes over that of `X`. */
  readonly peakRatioToX: number;
}

export interface ModelBenchResult {
  readonly machine: Machine;
  readonly rows: readonly ModelBenchRow[];
  readonly skipped: readonly Skipped[];
}

interface Comparison extends Omit<ModelSubject, "subject"> {
  readonly name: BenchModelName;
}

export function modelComparisons(settings: ModelBenchSettings): readonly Comparison[] {
  const { models, lengths, passes, directions, numFeatures } = settings;
  return models.flatMap((name) =>
    passes.flatMap((pass) =>
      directions.flatMap((direction) =>
        lengths.map((seqLen) => ({
          name,
          seqLen,
          pass,
          causal: direction === "causal",
          model: {
            ...benchModels[name],
            vocabSize: proteinVocabulary.size,
            numFeatures,
            dropout: 0,
            // Added once, at the same cost for all; rotary positions would be a cost of queries and keys, which X does
            // not compute.
            positions: "learned" as const,
            maxSeqLen: seqLen,
          },
        })),
      ),
    ),
  );
}

/**
 * Each contender runs in a process of its own; all of a comparison run in turn, round by round, each of which is told.
 */
export async function benchModel(
  settings: ModelBenchSettings,
  context: TaskContext = {},
  { worker, available = availableBytes }: ChildSettings = {},
): Promise<ModelBenchResult> {
  const rows: ModelBenchRow[] = [];
  const skipped: Skipped[] = [];
  const comparisons = modelComparisons(settings);
  using progress = countProgress(context, "bench model", comparisons.length * settings.rounds);
  const skip = (each: Skipped) => {
    skipped.push(each);
    progress.skip(each);
  };
  for (const { name, ...comparison } of comparisons) {
    const { causal, seqLen, pass } = comparison;
    const where = `${name}, ${directionOf(comparison)} ${pass}, ${seqLen} tokens`;
    await using owned = createOwner();
    const children = new Map<string, MeasuringChild>();
    // X first: without it there is nothing to compare with.
    for (const subject of [FREE_ATTENTION, ...settings.mechanisms]) {
      const what = `${subject}, ${where}`;
      const refused = refusal(what, leastModelBytes({ ...comparison, subject }), available());
      if (refused !== undefined) {
        skip(refused);
        if (subject === FREE_ATTENTION) break;
        continue;
      }
      const job = { kind: "model", subject, ...comparison, threads: settings.threads } as const;
      children.set(subject, owned.add(await startChild(job, worker)));
    }
    if (children.size === 0) continue;
    const onRound = () => progress.next({ measuring: where });
    const timings = await measureInTurn(contendersOf(children), settings.rounds, onRound);
    const peaks = new Map<string, number>();
    for (const [subject, child] of children) peaks.set(subject, await child.peakBytes());
    const medianOf = (subject: string) => median(timings.get(subject) ?? []);
    for (const subject of children.keys()) {
      const [medianMs, peakBytes] = [medianOf(subject), peaks.get(subject) ?? Number.NaN];
      rows.push({
        model: name,
        mechanism: subject,
        causal,
        seqLen,
        pass,
        medianMs,
        minMs: Math.min(...(timings.get(subject) ?? [])),
        ratioToX: medianMs / medianOf(FREE_ATTENTION),
        peakBytes,
        peakRatioToX: peakBytes / (peaks.get(FREE_ATTENTION) ?? Number.NaN),
      });
    }
  }
  return { machine: describeMachine(settings.threads), rows, skipped };
}

/** Exact attention is measured in fewer rounds where it is slow. */
function contendersOf(children: ReadonlyMap<string, MeasuringChild>): readonly Contender[] {
  return Array.from(children, ([name, { run }]) => ({
    name,
    run,
    timedRun: run,
    ...(name === "exact" && { budgetMs: 4 * EXACT_BUDGET_MS }),
  }));
}
