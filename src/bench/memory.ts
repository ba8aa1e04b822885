/** The most memory that attention takes, by length: every row in a process of its own. */

import type { TaskContext } from "../runs/events.ts";
import { availableBytes, refusal, type Skipped } from "./available-memory.ts";
import { startChild, type ChildSettings } from "./child/start.ts";
import { directionOf, type AttentionCase, type AttentionSizes, type Direction } from "./contender.ts";
import type { BenchMechanism } from "./favor.ts";
import { describeMachine, type Machine } from "./measure.ts";
import { exactSubject, favorSubjects, leastAttentionBytes } from "./memory-subjects.ts";
import type { Pass } from "./products.ts";
import { countProgress } from "./progress.ts";

export interface MemoryBenchSettings extends AttentionSizes {
  readonly lengths: readonly number[];
  readonly mechanisms: readonly BenchMechanism[];
  readonly passes: readonly Pass[];
  readonly directions: readonly Direction[];
  readonly exact: boolean;
  readonly threads: number;
}

export interface MemoryBenchRow {
  readonly mechanism: string;
  readonly causal: boolean;
  readonly seqLen: number;
  readonly pass: Pass;
  /** The peak of the whole process: program, engine, inputs and outputs included. */
  readonly peakBytes: number;
}

export interface MemoryBenchResult {
  readonly machine: Machine;
  readonly rows: readonly MemoryBenchRow[];
  /** What would not have fitted, and so was not started. */
  readonly skipped: readonly Skipped[];
}

function memorySubjects(
  settings: MemoryBenchSettings,
): readonly { readonly subject: string; readonly case: AttentionCase }[] {
  const { lengths, mechanisms, passes, directions, exact, numHeads, headDim, numFeatures } = settings;
  return passes.flatMap((pass) =>
    directions.flatMap((direction) =>
      [
        ...mechanisms.flatMap((mechanism) => favorSubjects(mechanism, { causal: direction === "causal", pass })),
        ...(exact ? [exactSubject({ pass })] : []),
      ].flatMap((subject) =>
        lengths.map((seqLen) => ({
          subject,
          case: { seqLen, causal: direction === "causal", pass, numHeads, headDim, numFeatures },
        })),
      ),
    ),
  );
}

/** Compiles and runs each once, and tells of each. */
export async function benchMemory(
  settings: MemoryBenchSettings,
  context: TaskContext = {},
  { worker, available = availableBytes }: ChildSettings = {},
): Promise<MemoryBenchResult> {
  const rows: MemoryBenchRow[] = [];
  const skipped: Skipped[] = [];
  const subjects = memorySubjects(settings);
  using progress = countProgress(context, "bench memory", subjects.length);
  for (const { subject, case: each } of subjects) {
    const { causal, seqLen, pass } = each;
    const what = `${subject}, ${directionOf(each)} ${pass}, ${seqLen} tokens`;
    const refused = refusal(what, leastAttentionBytes(subject, each), available());
    if (refused === undefined) {
      await using child = await startChild(
        { kind: "attention", subject, case: each, threads: settings.threads },
        worker,
      );
      rows.push({ mechanism: subject, causal, seqLen, pass, peakBytes: await child.peakBytes() });
    } else {
      skipped.push(refused);
      progress.skip(refused);
    }
    progress.next({ measured: what });
  }
  return { machine: describeMachine(settings.threads), rows, skipped };
}
