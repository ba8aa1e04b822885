/** Starts a measuring child process and talks with it. */

import { problem } from "../../graph/errors.ts";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { RuntimeError } from "../../runtime/index.ts";
import type { Answer, Job, Request } from "./job.ts";

/** A job in a process of its own, compiled and run once. */
export interface MeasuringChild extends AsyncDisposable {
  /** Runs the job and gives the milliseconds that it took there. */
  readonly run: () => Promise<number>;
  /** The most memory that the process has held. */
  readonly peakBytes: () => Promise<number>;
}

/** How children are started. */
export interface ChildSettings {
  /**
   * The compiled program of a child; default: the one beside this module. Tests, which run from the source, have none
   * there.
   */
  readonly worker?: URL;
  /** Bytes that may still be taken, asked before each child starts. Default: what the system says. */
  readonly available?: () => number;
}

const compiledWorker = new URL("./worker.js", import.meta.url);

/**
 * @throws RuntimeError when the job cannot be compiled or run, or the process ends, as for lack of memory
 */
export async function startChild(job: Job, program: URL = compiledWorker): Promise<MeasuringChild> {
  // Which engine there is has been said already.
  const execArgv = ["--no-warnings"];
  const child = fork(fileURLToPath(program), [], { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = new Promise<never>((_, reject) => {
    child.on("error", (error) =>
      reject(new RuntimeError(problem`bench: a child process must start, got ${error.message}`)),
    );
    child.on("exit", (code, signal) => {
      const how =
        signal === "SIGKILL" ? "SIGKILL, as the system does when memory runs out" : (signal ?? `code ${code}`);
      reject(
        new RuntimeError(problem`bench: the measuring process must end by itself, got ${how}; measure shorter lengths`),
      );
    });
  });
  // Its end is no failure unless somebody waits for an answer.
  ended.catch(() => undefined);
  const ask = async (request: Request): Promise<number> => {
    const answered = new Promise<Answer>((resolve) => child.once("message", (answer: Answer) => resolve(answer)));
    child.send(request);
    const answer = await Promise.race([answered, ended]);
    if ("error" in answer)
      throw new RuntimeError(problem`bench: the measuring process could not go on: ${answer.error}`);
    return answer.value;
  };
  const stop = async () => {
    if (child.connected) child.disconnect();
    await ended.catch(() => undefined);
  };
  try {
    await ask({ do: "prepare", job });
  } catch (error) {
    await stop();
    throw error;
  }
  return { run: () => ask({ do: "run" }), peakBytes: () => ask({ do: "peak" }), [Symbol.asyncDispose]: stop };
}
