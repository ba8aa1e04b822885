/**
 * Ctrl-C, SIGTERM, or the terminal that closes (SIGHUP): the first asks for an orderly end, the second ends at once.
 */

/** Exit codes by signal, as the shell gives them: 128 + its number. */
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Interruption = keyof typeof exitCodes;

/**
 * `npm` and `npx` pass a terminal's Ctrl-C on to a process that has had it already, so two within this time are one.
 */
const SAME_PRESS_MS = 500;

export interface Interrupt extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What the process should end with; undefined while nothing has come. */
  readonly exitCode: () => number | undefined;
}

/**
 * Listens for SIGHUP, SIGINT and SIGTERM until it is disposed of; from then on they end the process, as they do by
 * default.
 *
 * @param onFirst tells the user that the end is being prepared, or ends the process with the code that it is given
 */
export function listenForInterrupt(onFirst: (exitCode: number) => void): Interrupt {
  const controller = new AbortController();
  let firstMs = 0;
  let exitCode: number | undefined;
  const listener = (name: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (exitCode !== undefined) {
      if (nowMs - firstMs >= SAME_PRESS_MS) process.exit(exitCode);
      return;
    }
    firstMs = nowMs;
    // Only these signals reach this function.
    exitCode = exitCodes[name as Interruption];
    controller.abort();
    onFirst(exitCode);
  };
  for (const name of Object.keys(exitCodes)) process.on(name, listener);
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    [Symbol.dispose]: () => {
      for (const name of Object.keys(exitCodes)) process.off(name, listener);
    },
  };
}
