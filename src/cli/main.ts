#!/usr/bin/env node
// The command `performer`.

import { exitCodes } from "./failures.ts";
import { printEngineWarning } from "./output/warnings.ts";
import { runProgram } from "./program.ts";

printEngineWarning();
endQuietlyWhenUnread();
await runProgram(process.argv.slice(2));

/** A closed pipe, as of `performer generate … | head`, is the reader's way to say that it is enough: no failure. */
function endQuietlyWhenUnread(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    const reason = error.code === "ENOSPC" ? "the disk is full; free some space" : error.message;
    process.stderr.write(
      `performer: standard output cannot be written: ${reason}. What was written to files is whole.\n`,
    );
    process.exit(exitCodes.failed);
  });
  // Progress that nobody reads is no reason to stop.
  process.stderr.on("error", () => undefined);
}
