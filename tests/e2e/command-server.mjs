// Runs one command line after another in one process, as tests/e2e/cli.ts asks for them: starting Node and loading the
// program each time would take longer than most of the commands.

/** @type {{ runProgram: (args: readonly string[]) => Promise<void> }} */
const { runProgram } = await import(new URL("../../dist/cli/program.js", import.meta.url).href);

let written = { stdout: "", stderr: "" };
for (const name of /** @type {const} */ (["stdout", "stderr"])) {
  process[name].write = (/** @type {string | Uint8Array} */ chunk, /** @type {unknown[]} */ ...rest) => {
    written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const done = rest.at(-1);
    if (typeof done === "function") queueMicrotask(() => done());
    return true;
  };
}

/** @param {readonly string[]} args */
async function answer(args) {
  written = { stdout: "", stderr: "" };
  process.exitCode = undefined;
  await runProgram(args);
  process.send?.({ code: process.exitCode ?? 0, ...written });
  process.exitCode = undefined;
}

process.on("message", (/** @type {readonly string[]} */ args) => void answer(args));
process.on("disconnect", () => process.exit());
