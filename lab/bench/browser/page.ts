/** Runs in the page: bidirectional attention forward on wasm, in turn with its matrix products alone. */

import { createBackend } from "performer-ts";
import { mechanisms } from "performer-ts/attention";
import type { Tensor } from "performer-ts/graph";
import { median } from "performer-ts/lab";
import { matmul, swapLastAxes } from "performer-ts/ops";
import { createRandom, fillNormal } from "performer-ts/random";
import { compile } from "performer-ts/runtime";

export interface PageBenchSettings {
  readonly seqLen: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly numFeatures: number;
  readonly threads: number;
  readonly rounds: number;
}

export interface PageBenchRow {
  readonly mechanism: string;
  readonly causal: false;
  readonly seqLen: number;
  readonly pass: "forward";
  readonly medianMs: number;
  readonly minMs: number;
  /** Median of the matrix products alone, in the same page and the same rounds. */
  readonly boundMs: number;
  readonly ratioToBound: number;
}

export interface PageBenchResult {
  readonly browser: string;
  readonly threads: number;
  readonly crossOriginIsolated: boolean;
  readonly rows: readonly PageBenchRow[];
}

type Inputs = Readonly<Record<"q" | "k" | "v" | "projection", Tensor>>;

/** Features of q and k, the state `vᵀ φ(k)`, and what the queries read from it. */
function products({ q, k, v, projection }: Inputs) {
  const project = (x: Tensor) => matmul(x, swapLastAxes(projection));
  const state = matmul(v, project(k), { transposeA: true });
  return { out: matmul(project(q), state, { transposeB: true }) };
}

function favor({ q, k, v, projection }: Inputs) {
  return { out: mechanisms.favor.apply(q, k, v, { causal: false, projection }) };
}

/** Everything runs in turn, round by round, after a run each that is not counted. */
export async function benchInPage(settings: PageBenchSettings): Promise<PageBenchResult> {
  const { seqLen, numHeads, headDim, numFeatures, threads, rounds } = settings;
  const backend = createBackend({ device: "wasm", threads });
  const random = createRandom(1, "bench", "browser");
  const draw = (size: number) => fillNormal(random, new Float32Array(size));
  const heads = [1, numHeads, seqLen, headDim];
  const subjects = [
    { name: "favor", build: favor, width: headDim },
    // Its values have their column of ones already.
    { name: "bound", build: products, width: headDim + 1 },
  ];
  const contenders = await Promise.all(
    subjects.map(async ({ name, build, width }) => {
      const shapes = { q: heads, k: heads, v: [...heads.slice(0, 3), width], projection: [numFeatures, headDim] };
      const executable = await compile(build, shapes, { backend });
      const feeds = Object.fromEntries(
        Object.entries(shapes).map(([key, shape]) => [
          key,
          draw(shape.reduce((product, length) => product * length, 1)),
        ]),
      );
      const times: number[] = [];
      return { name, executable, feeds, times };
    }),
  );
  for (const { executable, feeds } of contenders) await executable.run(feeds);
  for (let round = 0; round < rounds; round++) {
    for (const { executable, feeds, times } of contenders) {
      const started = performance.now();
      await executable.run(feeds);
      times.push(performance.now() - started);
    }
  }
  for (const { executable } of contenders) await executable.dispose();
  const timesOf = (name: string) => contenders.find((each) => each.name === name)?.times ?? [];
  const [medianMs, boundMs] = [median(timesOf("favor")), median(timesOf("bound"))];
  return {
    browser: navigator.userAgent,
    threads,
    crossOriginIsolated,
    rows: [
      {
        mechanism: "favor",
        causal: false,
        seqLen,
        pass: "forward",
        medianMs,
        minMs: Math.min(...timesOf("favor")),
        boundMs,
        ratioToBound: medianMs / boundMs,
      },
    ],
  };
}
