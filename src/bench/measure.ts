/**
 * Timing on a machine that does other things too: everything that is compared runs in turn, and medians are compared.
 */

import { availableParallelism, cpus } from "node:os";
import { createRequire } from "node:module";

import { defaultDevice } from "#engine";
import { matmul } from "../ops/matmul.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { compile, type Backend } from "../runtime/index.ts";
import { median } from "../statistics/index.ts";

/** What figures depend on beside the program. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly node: string;
  readonly engine: string;
  readonly platform: string;
}

export function describeMachine(threads: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads,
    node: process.versions.node,
    engine: describeEngine(),
    platform: `${process.platform}-${process.arch}`,
  };
}

/** The engine of the default device. */
function describeEngine(): string {
  const require = createRequire(import.meta.url);
  if (defaultDevice() === "cpu") {
    const { version } = require("onnxruntime-node/package.json") as { readonly version: string };
    return `onnxruntime-node ${version}`;
  }
  // That package exports no package.json; ours pins its version.
  const { dependencies } = require("../../package.json") as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return `onnxruntime-web ${dependencies["onnxruntime-web"]} on wasm`;
}

/** The machine in one line. */
export function describeRun({ cpu, threads, platform, node, engine }: Machine): string {
  return `${cpu}, ${threads} threads, ${platform}, Node ${node}, ${engine}`;
}

/** One of several things that are compared. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  /**
   * Runs once and says how many milliseconds it took, for what runs in a process of its own. Default: `run`, timed from
   * here.
   */
  readonly timedRun?: () => Promise<number>;
  /**
   * Stops being measured once its runs have taken this long together, but runs once; of several runs the first only
   * warms up. Default: every round.
   */
  readonly budgetMs?: number;
}

/** Durations in milliseconds, by the names of the contenders. */
export type Timings = ReadonlyMap<string, readonly number[]>;

/** Runs all contenders in turn, as often as there are rounds. */
export async function measureInTurn(
  contenders: readonly Contender[],
  rounds: number,
  onRound: () => void = () => undefined,
): Promise<Timings> {
  const timings = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run, timedRun = () => timed(run), budgetMs = Number.POSITIVE_INFINITY } of contenders) {
      const durations = timings.get(name) ?? [];
      const usedUp = durations.length > 0 && durations.reduce((total, each) => total + each, 0) >= budgetMs;
      if (usedUp) continue;
      durations.push(await timedRun());
    }
    onRound();
  }
  for (const { name, budgetMs } of contenders) {
    const durations = timings.get(name);
    if (budgetMs !== undefined && durations !== undefined && durations.length > 1) durations.shift();
  }
  return timings;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Side of the square matrices that stand for the machine's speed. */
const GEMM_SIZE = 1024;

/** A product of two square matrices, to measure beside everything else. */
export async function gemmContender(backend: Backend): Promise<Contender & AsyncDisposable> {
  const shape = [GEMM_SIZE, GEMM_SIZE];
  const product = await compile(({ a, b }) => ({ y: matmul(a, b) }), { a: shape, b: shape }, { backend });
  const values = fillNormal(createRandom(1, "bench", "gemm"), new Float32Array(GEMM_SIZE ** 2));
  const run = () => product.run({ a: values, b: values });
  await run();
  return { name: "gemm", run, [Symbol.asyncDispose]: () => product.dispose() };
}

/** 10⁹ multiplications and additions a second. */
export function gemmGflops(durationsMs: readonly number[]): number {
  return (2 * GEMM_SIZE ** 3) / median(durationsMs) / 1e6;
}

/** Disposes of what was added to it, the last one first. */
export interface Owner extends AsyncDisposable {
  readonly add: <T extends AsyncDisposable>(resource: T) => T;
}

export function createOwner(): Owner {
  const resources: AsyncDisposable[] = [];
  return {
    add: (resource) => {
      resources.push(resource);
      return resource;
    },
    [Symbol.asyncDispose]: async () => {
      for (const resource of resources.toReversed()) await resource[Symbol.asyncDispose]();
    },
  };
}
