/** Several jobs, seeds and mechanisms in turn, with one progress for all. */

import type { MechanismChoice } from "performer-ts/attention";
import type { ClaimProgress } from "performer-ts/lab";
import type { ComparedRun } from "../compare/rows.ts";
import { runJob } from "./start.ts";
import type { TrainingJob } from "./job.ts";

/** One mechanism in one setting, a run for each seed. */
export interface Series {
  readonly label: string;
  readonly mechanism: MechanismChoice;
  readonly job: Omit<TrainingJob, "model"> & { readonly model?: TrainingJob["model"] };
}

/** Seed by seed, so that what slows the machine for a while slows all mechanisms. */
export async function runSeries(
  series: readonly Series[],
  seeds: readonly number[],
  onProgress: ClaimProgress,
): Promise<readonly ComparedRun[]> {
  const stepsOf = ({ job }: Series) => job.training.steps ?? 0;
  const total = seeds.length * series.reduce((sum, each) => sum + stepsOf(each), 0);
  const runs: ComparedRun[] = [];
  let done = 0;
  for (const seed of seeds) {
    for (const each of series) {
      const { label, mechanism, job } = each;
      const before = done;
      const result = await runJob(
        { ...job, model: { ...job.model, mechanism }, training: { ...job.training, seed } },
        (step) => onProgress(before + step, total, `${label}, seed ${seed}`),
      );
      done += stepsOf(each);
      onProgress(done, total, label);
      runs.push({ label, seed, result });
    }
  }
  return runs;
}
