/** The warning that the native engine is missing, as one line of the command instead of Node's two. */

import { WASM_WARNING } from "../../runtime/node-wasm.ts";

/** Prints that warning as `performer: …`; Node prints all others. */
export function printEngineWarning(): void {
  const printers = process.listeners("warning");
  // Without them warnings are switched off (--no-warnings).
  if (printers.length === 0) return;
  process.removeAllListeners("warning");
  process.on("warning", (warning: NodeJS.ErrnoException) => {
    if (warning.code === WASM_WARNING) process.stderr.write(`performer: ${warning.message}\n`);
    else for (const print of printers) print(warning);
  });
}
