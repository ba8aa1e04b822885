/** Keeps ONNX Runtime's native engine from reporting home, unless the user decided otherwise. */
import { isMainThread } from "node:worker_threads";

const VARIABLE = "ORT_DISABLE_TELEMETRY";

/** The longest that a worker thread waits for the main thread, which may be busy in native code. */
const MAIN_THREAD_TIMEOUT_MS = 1000;

/**
 * Sets `ORT_DISABLE_TELEMETRY=1` in the process's environment, unless the variable is set. To be awaited before the
 * engine creates its first session: that is when it reads the variable. Without it the engine writes a device id and a
 * database of events below the user's cache folder, looks up its maker's host, and crashes where the command line is
 * longer than some 28 kB.
 */
export function disableTelemetry(): Promise<void> {
  return (asked ??= ask());
}

let asked: Promise<void> | undefined;

async function ask(): Promise<void> {
  const decided = process.env[VARIABLE];
  process.env[VARIABLE] ??= "1";
  if (isMainThread || (await setInMainThread(decided ?? "1")) || decided !== undefined) return;
  process.emitWarning(
    `ONNX Runtime reports to its maker from this process: a worker thread could not set ${VARIABLE}=1 for it; ` +
      "set the variable before the process starts, or use performer-ts in the main thread first",
    { code: "PERFORMER_TELEMETRY" },
  );
}

/**
 * A worker thread's `process.env` is a copy that native code never sees (unless the thread was made with `SHARE_ENV`);
 * only that of the main thread is the process's own. The inspector reaches the main thread without its help, even while
 * it waits in `Atomics.wait`.
 *
 * @returns whether the main thread has the variable now; not where Node runs with its permission model or without an
 *   inspector
 */
async function setInMainThread(value: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connectToMainThread();
    try {
      return await new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), MAIN_THREAD_TIMEOUT_MS);
        const expression = `process.env.${VARIABLE} ??= ${JSON.stringify(value)}`;
        session.post("Runtime.evaluate", { expression }, (error, answer) =>
          resolve(error === null && answer.exceptionDetails === undefined),
        );
      });
    } finally {
      session.disconnect();
    }
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
