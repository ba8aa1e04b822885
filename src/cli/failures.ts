/** What a command that fails says, and the exit code that it ends with. */

import { CommanderError } from "commander";

import { PerformerError } from "../graph/errors.ts";
import { UsageError } from "../runs/usage.ts";
import { codeOf } from "../storage/failures.ts";

/** Exit codes of every command; a signal that ends one gives 128 + its number, as the shell does. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** What is left to do about an error that reached the top. */
export interface Failure {
  readonly exitCode: number;
  /** For standard error; empty when everything has been said. */
  readonly text: string;
}

/**
 * An error in the words of the command that failed: `performer train: …`, one line for each thing that is wrong.
 *
 * @param command `performer` and the verb
 * @param showStack also where it was thrown; for PERFORMER_DEBUG
 */
export function describeFailure(command: string, error: unknown, showStack: boolean): Failure {
  // commander has written its message, or the help that was asked for, by the time it throws.
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? exitCodes.done : exitCodes.usage, text: "" };
  }
  // Whoever read our output has had enough of it, as in `performer generate … | head`.
  if (codeOf(error) === "EPIPE") return { exitCode: exitCodes.done, text: "" };
  const message = error instanceof Error ? error.message : String(error);
  // Errors of the family speak to the user. Every other one is a defect of this program.
  const said =
    error instanceof PerformerError
      ? message
          .trimEnd()
          .split("\n")
          .map((line) => `${command}: ${line}`)
          .join("\n")
      : `${command}: a defect in performer, not in what you gave it: ${message}\n` +
        `${command}: please report it with what PERFORMER_DEBUG=1 prints for the same command`;
  const stack = showStack && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : "";
  return {
    exitCode: error instanceof UsageError ? exitCodes.usage : exitCodes.failed,
    text: `${said}${stack}\n`,
  };
}
