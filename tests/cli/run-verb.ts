/**
 * A verb of the command line inside the test's own process, which spares every command the start of a process and of an
 * engine.
 */
import type { Command } from "commander";
import { vi } from "vitest";
import { describeFailure } from "../../src/cli/failures.ts";
import type { Finished } from "../e2e/cli.ts";
import { captureOutput } from "./capture.ts";

/**
 * @param folder where the command runs
 * @param args what follows the verb
 */
export async function runVerb(folder: string, verb: Command, ...args: readonly string[]): Promise<Finished> {
  const before = process.cwd();
  const output = captureOutput();
  try {
    process.chdir(folder);
    await verb.parseAsync(args, { from: "user" });
    return { code: 0, ...output };
  } catch (error) {
    const { exitCode, text } = describeFailure(`performer ${verb.name()}`, error, false);
    return { code: exitCode, stdout: output.stdout, stderr: output.stderr + text };
  } finally {
    process.chdir(before);
    vi.restoreAllMocks();
  }
}
