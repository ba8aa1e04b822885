/**
 * Training jobs in processes of their own, one after the other: memory is each one's own, and none inherits another's
 * caches.
 */

import { problem } from "performer-ts/graph";
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { RuntimeError } from "performer-ts/runtime";
import type { TrainingJob, TrainingJobResult } from "./job.ts";
import { trainJob } from "./train.ts";

/** What the process says. */
export type ChildMessage =
  | { readonly step: number }
  | { readonly result: TrainingJobResult }
  | { readonly error: string };

const program = new URL("./child.js", import.meta.url);

/**
 * From the source, as tests run, there is no such program: the job is then carried out in this process, whose memory it
 * shares.
 *
 * @param onStep told each step that is done
 * @throws RuntimeError when the job cannot be carried out, or the process ends, as for lack of memory
 */
export async function runJob(
  job: TrainingJob,
  onStep: (step: number) => void = () => undefined,
): Promise<TrainingJobResult> {
  if (!existsSync(program)) return trainJob(job, onStep);
  const child = fork(fileURLToPath(program), [], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  try {
    return await new Promise<TrainingJobResult>((resolve, reject) => {
      child.on("error", (error) =>
        reject(new RuntimeError(problem`lab: a child process must start, got ${error.message}`)),
      );
      child.on("exit", (code, signal) => {
        const how = signal === "SIGKILL" ? "SIGKILL, as when memory runs out" : (signal ?? `code ${code}`);
        reject(
          new RuntimeError(problem`lab: the training process must end by itself, got ${how}; take a smaller model`),
        );
      });
      child.on("message", (message: ChildMessage) => {
        // What the listener throws, as when the work is called off, ends the job.
        if ("step" in message) Promise.resolve(message.step).then(onStep).catch(reject);
        else if ("result" in message) resolve(message.result);
        else reject(new RuntimeError(problem`${message.error}`));
      });
      child.send(job);
    });
  } finally {
    if (child.connected) child.disconnect();
  }
}
