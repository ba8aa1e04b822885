// Runs other programs for the scripts: with their output shown, or kept until it is known whether it matters.

import { spawn } from "node:child_process";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** @param {string} line */
export const say = (line) => process.stdout.write(`${line}\n`);

/** @param {string} line */
export const note = (line) => process.stderr.write(`${line}\n`);

/**
 * Runs a program with this terminal as its input and output. Ctrl-C reaches the child, and the child decides when to
 * end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, shell?: boolean, stdoutToStderr?: boolean }} [options]
 *   stdoutToStderr: for set-up, because standard output belongs to the command that follows it
 * @returns {Promise<number>} its exit code; 128 + the signal's number when a signal ended it
 */
export function run(command, args, { env = process.env, shell = false, stdoutToStderr = false } = {}) {
  const stdout = stdoutToStderr ? 2 : "inherit";
  return waitFor(spawn(command, args, { cwd: root, env, shell, stdio: ["inherit", stdout, "inherit"] }));
}

/**
 * Runs a program and keeps what it prints.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function capture(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  /** @param {Buffer} chunk */
  const keep = (chunk) => (output += chunk.toString());
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await waitFor(child);
  return { code, output };
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
async function waitFor(child) {
  // A terminal sends Ctrl-C to the whole process group; a `kill` reaches this process alone and is passed on.
  const ignoreInterrupt = () => {};
  const passOnTerminate = () => child.kill("SIGTERM");
  process.on("SIGINT", ignoreInterrupt);
  process.on("SIGTERM", passOnTerminate);
  try {
    return await new Promise((done, fail) => {
      child.on("error", fail);
      child.on("close", (code, signal) =>
        done(code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15)),
      );
    });
  } finally {
    process.off("SIGINT", ignoreInterrupt);
    process.off("SIGTERM", passOnTerminate);
  }
}
