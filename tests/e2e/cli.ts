/** Runs the built command line, as a user does, on models and data small enough for a test. */

import { fork, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const server = fileURLToPath(new URL("command-server.mjs", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** When standard error first holds the text; rejects when the command ends without it. */
  readonly says: (text: string) => Promise<void>;
}

/** A folder for one test file: commands run in it, and it is gone afterwards. */
export interface Workplace extends Disposable {
  readonly folder: string;
  readonly path: (...names: string[]) => string;
  readonly write: (name: string, content: string | Uint8Array) => string;
  /** Starts the command in a process of its own, as a shell does. */
  readonly start: (...args: string[]) => Running;
  /**
   * Runs the command to its end in a process that all runs of this place share, which saves starting it anew: one at a
   * time.
   */
  readonly run: (...args: string[]) => Promise<Finished>;
}

export function createWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "performer-e2e-"));
  const start = (...args: string[]): Running => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    const waiting = new Map<string, () => void>();
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      for (const [text, resolve] of waiting) if (stderr.includes(text)) resolve();
    });
    const finished = new Promise<Finished>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
    const says = (text: string) =>
      new Promise<void>((resolve, reject) => {
        if (stderr.includes(text)) resolve();
        waiting.set(text, resolve);
        child.on("close", () => reject(new Error(`ended without saying ${JSON.stringify(text)}:\n${stderr}`)));
      });
    return { child, finished, says };
  };
  const commands = createCommandServer(folder);
  return {
    folder,
    path: (...names) => join(folder, ...names),
    write: (name, content) => {
      writeFileSync(join(folder, name), content);
      return name;
    },
    start,
    run: async (...args) => commands.run(args),
    [Symbol.dispose]: () => {
      commands[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface CommandServer extends Disposable {
  readonly run: (args: readonly string[]) => Promise<Finished>;
}

/**
 * One process that runs command lines one after another; it starts with the first, and again after one that ended it.
 */
function createCommandServer(folder: string): CommandServer {
  let child: ChildProcess | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const runNow = async (args: readonly string[]): Promise<Finished> => {
    child ??= fork(server, { cwd: folder, stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
    const process = child;
    const finished = await new Promise<Finished>((resolve, reject) => {
      process.once("message", (message) => resolve(message as Finished)); // as command-server.mjs sends it
      process.once("exit", (code) => reject(new Error(`performer ${args.join(" ")}: the process ended with ${code}`)));
      process.send(args);
    }).catch((error: unknown) => {
      child = undefined;
      throw error;
    });
    process.removeAllListeners();
    return finished;
  };
  return {
    run: async (args) => {
      const running = last.then(async () => runNow(args));
      last = running.catch(() => undefined);
      return running;
    },
    [Symbol.dispose]: () => child?.disconnect(),
  };
}

/** Forty proteins of 11 to 53 residues with splits in their headers, from a formula, so that they need no file. */
export function tinyFasta(): string {
  const letters = "ACDEFGHIKLMNPQRSTVWY";
  const splits = ["train", "train", "train", "train", "valid", "train", "test", "train", "ood", "train"];
  return Array.from({ length: 40 }, (_, record) => {
    const length = 11 + ((record * 17) % 43);
    const residues = Array.from({ length }, (_, place) => letters[(place * (3 + (record % 5)) + record * 7) % 20]);
    return `>P${record} ${splits[record % splits.length]} -\nM${residues.join("")}\n`;
  }).join("");
}

/** `--set` for a model that trains in milliseconds a step. */
export const tinyModel: readonly string[] = [
  "model.modelDim=16",
  "model.numLayers=2",
  "model.numHeads=2",
  "model.numFeatures=7",
  "model.mlpDim=23",
  "model.maxSeqLen=64",
  "model.dropout=0.1",
  "training.tokensPerBatch=256",
  "training.warmupSteps=2",
  "training.evalInterval=5",
  "training.redrawInterval=4",
].flatMap((setting) => ["--set", setting]);

/** One thread: the tests' machine may have other work, and results do not depend on it. */
export const oneThread: readonly string[] = ["--threads", "1"];

/** Every file below a folder with its digest: equal before and after means that nothing was touched. */
export function snapshot(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
  return Object.fromEntries(files.toSorted().map((path) => [relative(folder, path), digestOfFile(path)]));
}

export function digestOfFile(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Standard output as the one JSON document that it must be. */
export function parseOnly(stdout: string): unknown {
  return JSON.parse(stdout);
}
