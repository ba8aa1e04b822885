/** A claim computes for minutes on the thread that also redraws its progress. */

/**
 * Gives way to timers, redrawing and input for one turn of the event loop. To be awaited every few dozen milliseconds
 * of computation, after `onProgress`.
 */
export async function letOthersRun(): Promise<void> {
  // A timer, not a microtask: microtasks all run before the loop turns.
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
