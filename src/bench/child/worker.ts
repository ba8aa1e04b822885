/** The program of a measuring child process: one job in a process of its own, so that its peak memory is its own. */

import { createOwner, type Contender } from "../measure.ts";
import { prepareJob, type Answer, type Request } from "./job.ts";
import { peakMemoryBytes } from "./peak-memory.ts";

const owned = createOwner();
let contender: Contender | undefined;

/** Milliseconds of one run; bytes for `peak`. */
async function answer(request: Request): Promise<number> {
  if (request.do === "peak") return peakMemoryBytes();
  if (request.do === "prepare") contender = await prepareJob(request.job, owned);
  const started = performance.now();
  await contender?.run();
  return performance.now() - started;
}

process.on("message", (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? error.message : String(error) } satisfies Answer),
  );
});
// Without a parent there is nothing to measure for; memory of the engine goes with the process.
process.on("disconnect", () => process.exit());
// A terminal's Ctrl-C reaches the children too; the parent ends, and they with it.
process.on("SIGINT", () => undefined);
