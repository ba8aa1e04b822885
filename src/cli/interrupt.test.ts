/** Ctrl-C and its like: once to end in order, twice to end at once, and the copy that npm sends does not count. */

import { afterEach, describe, expect, it, vi } from "vitest";

import { listenForInterrupt } from "./interrupt.ts";

afterEach(() => vi.restoreAllMocks());

/** The listeners that were added since `before`, called as the process would. */
function signal(name: "SIGHUP" | "SIGINT" | "SIGTERM", before: readonly Function[]): void {
  for (const listener of process.listeners(name)) if (!before.includes(listener)) listener(name);
}

describe("listenForInterrupt", () => {
  it.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s asks for the end; again, after a moment, ends the process with %i", (name, exitCode) => {
    const before = process.listeners(name);
    let nowMs = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    const exit = vi.spyOn(process, "exit").mockImplementation(() => {
      throw new Error("exit");
    });
    const onFirst = vi.fn();
    using interrupt = listenForInterrupt(onFirst);
    expect([interrupt.signal.aborted, interrupt.exitCode()]).toEqual([false, undefined]);
    signal(name, before);
    expect([interrupt.signal.aborted, interrupt.exitCode()]).toEqual([true, exitCode]);
    nowMs += 100;
    signal(name, before);
    expect(exit).not.toHaveBeenCalled();
    nowMs += 1000;
    expect(() => signal(name, before)).toThrow("exit");
    expect(exit).toHaveBeenCalledExactlyOnceWith(exitCode);
    expect(onFirst).toHaveBeenCalledTimes(1);
  });

  it("lets go of the signals when it is disposed of", () => {
    const before = process.listenerCount("SIGINT");
    {
      using _interrupt = listenForInterrupt(() => undefined);
      expect(process.listenerCount("SIGINT")).toBe(before + 1);
    }
    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});
