/**
 * PyTorch's own attention and performer-pytorch, where a Python with torch is at hand: timed by
 * lab/bench/peers/attention.py.
 */

import { problem } from "../../graph/errors.ts";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { RuntimeError } from "../../runtime/index.ts";
import type { AttentionCase } from "../contender.ts";
import { LONGEST_EXACT } from "../exact.ts";
import type { Contender } from "../measure.ts";
import { PEER_BUDGET_MS, type LoadPeer } from "./peer.ts";

/** It belongs to the repository and not to the published package. */
const program = new URL("../../../lab/bench/peers/attention.py", import.meta.url);

/**
 * The name that attention.py gives it. Its causal form holds the features of all tokens at once, and is many times as
 * slow.
 */
const PERFORMER = "performer-pytorch";

/** Tokens beyond which a run would take minutes. */
export function longestInPython(name: string, { causal, pass }: Pick<AttentionCase, "causal" | "pass">): number {
  if (name !== PERFORMER) return LONGEST_EXACT;
  if (!causal) return Number.POSITIVE_INFINITY;
  return pass === "forward" ? 16384 : 4096;
}

interface Greeting {
  readonly mechanisms: readonly string[];
}

interface Timing {
  readonly ms: number;
}

export const loadPython: LoadPeer = async ({ threads, python }) => {
  if (!existsSync(program))
    return { reason: "lab/bench/peers/attention.py is not here; run it in a clone of the repository" };
  const child = spawn(python, [fileURLToPath(program), String(threads)], {
    stdio: ["pipe", "pipe", "ignore"],
    // Threads of OpenMP that wait must not take the cores from what runs next.
    env: { ...process.env, OMP_WAIT_POLICY: "PASSIVE" },
  });
  const talk = conversation(child);
  let greeting: Greeting;
  try {
    greeting = (await talk.next()) as Greeting; // what attention.py prints first
  } catch {
    return { reason: `no Python with torch ('${python}'); give one with --python` };
  }
  const contender = (name: string, each: AttentionCase): Contender => ({
    name,
    budgetMs: PEER_BUDGET_MS,
    run: () => talk.ask({ run: name, ...each }),
    timedRun: async () => ((await talk.ask({ run: name, ...each })) as Timing).ms, // what attention.py answers
  });
  return {
    contenders: async (each) =>
      greeting.mechanisms
        .filter((name) => each.seqLen <= longestInPython(name, each))
        .map((name) => contender(name, each)),
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await talk.ended;
    },
  };
};

interface Conversation {
  /** The next line that it prints, as JSON. */
  readonly next: () => Promise<unknown>;
  readonly ask: (request: object) => Promise<unknown>;
  readonly ended: Promise<void>;
}

/** One line out, one line in; a child that ends makes what waits for it fail. */
function conversation(child: ChildProcess): Conversation {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null)
    throw new RuntimeError(problem`bench: the peer's standard streams must be pipes`);
  const lines: string[] = [];
  let waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void } | undefined;
  let over: Error | undefined;
  const end = (reason: string) => {
    over ??= new RuntimeError(
      problem`bench: the Python peer must answer, got ${reason}; leave it out with --peers none`,
    );
    waiting?.reject(over);
  };
  createInterface({ input: stdout }).on("line", (line) => {
    if (waiting === undefined) lines.push(line);
    else waiting.resolve(line);
    waiting = undefined;
  });
  // A child that has ended cannot be written to; its end is told by the events below.
  stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      end(error.message);
      resolve();
    });
    child.on("close", (code, signal) => {
      end(`its end with ${signal ?? `code ${code}`}`);
      resolve();
    });
  });
  const next = async () => {
    const line =
      lines.shift() ??
      (await new Promise<string>((resolve, reject) => {
        if (over !== undefined) reject(over);
        else waiting = { resolve, reject };
      }));
    return JSON.parse(line) as unknown;
  };
  return {
    next,
    ask: async (request) => {
      stdin.write(`${JSON.stringify(request)}\n`);
      return next();
    },
    ended,
  };
}
