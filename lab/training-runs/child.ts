/** The program of a training process: one job, told over the channel to its parent. */

import type { TrainingJob } from "./job.ts";
import type { ChildMessage } from "./start.ts";
import { trainJob } from "./train.ts";

function tell(message: ChildMessage): void {
  process.send?.(message);
}

process.on("message", (job: TrainingJob) => {
  trainJob(job, (step) => tell({ step })).then(
    (result) => tell({ result }),
    (error: unknown) => tell({ error: error instanceof Error ? error.message : String(error) }),
  );
});
// Without a parent there is nothing to train for.
process.on("disconnect", () => process.exit());
// A terminal's Ctrl-C reaches this process too; the parent ends, and this one with it.
process.on("SIGINT", () => undefined);
