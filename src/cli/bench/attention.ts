// How long attention takes, beside the matrix products that it cannot do without and beside exact attention.

import { backpropagate } from "../../autodiff/gradients.ts";
import { CAUSAL_CHUNK } from "../../attention/favor/causal-scan.ts";
import { favorMechanisms, type FavorName } from "../../attention/favor/favor.ts";
import { mechanisms } from "../../attention/mechanisms.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { full } from "../../ops/source.ts";
import { createRandom, fillNormal } from "../../random/index.ts";
import { compile } from "../../runtime/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { median } from "../../lab/statistics.ts";
import { fusedExactAttention } from "./fused-exact.ts";
import { createOwner, describeMachine, gemmContender, gemmGflops, measureInTurn } from "./measure.ts";
import type { Contender, Machine, Owner } from "./measure.ts";
import { productBounds } from "./products.ts";
import type { Pass } from "./products.ts";

/** Mechanisms of linear cost, whose products are the bound. */
export type BenchMechanism = FavorName;
export const benchMechanisms = Object.keys(favorMechanisms) as readonly BenchMechanism[]; // the table's own keys

/** Beyond this length exact attention takes many seconds a run. */
export const LONGEST_EXACT = 16384;

/** Exact attention is measured in every round until its runs have taken this long: one run decides at great lengths. */
const EXACT_BUDGET_MS = 5000;

export interface AttentionBenchSettings {
  readonly lengths: readonly number[];
  readonly mechanisms: readonly BenchMechanism[];
  readonly passes: readonly Pass[];
  readonly directions: readonly ("causal" | "bidirectional")[];
  readonly rounds: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly numFeatures: number;
  readonly threads: number;
  /** Measure exact attention too, up to LONGEST_EXACT and forward only: the fused op has no gradient. */
  readonly exact: boolean;
}

export interface AttentionBenchRow {
  readonly mechanism: BenchMechanism;
  readonly causal: boolean;
  readonly seqLen: number;
  readonly pass: Pass;
  /** Features a token has: the same for all mechanisms, so that their products are the same. */
  readonly featuresPerToken: number;
  readonly medianMs: number;
  readonly minMs: number;
  /** Median of the matrix products alone: plain products in one graph where there is one, else those of the loop. */
  readonly boundMs: number;
  /** medianMs over boundMs. */
  readonly ratioToBound: number;
  /** Median of the products alone in the loop that attention itself uses: the stricter bound. */
  readonly loopBoundMs: number;
  readonly ratioToLoopBound: number;
  /** medianMs over that of `favor`, positive features, when it is measured too. */
  readonly ratioToPositive?: number;
  readonly exactMs?: number;
  /** exactMs over medianMs. */
  readonly speedupOverExact?: number;
}

export interface AttentionBenchResult {
  readonly machine: Machine;
  /** A product of two 1024 × 1024 matrices, measured in the same rounds. */
  readonly gemm: { readonly gflops: number };
  readonly rows: readonly AttentionBenchRow[];
}

/** One comparison: everything in it runs in turn. */
interface Case {
  readonly seqLen: number;
  readonly causal: boolean;
  readonly pass: Pass;
}

export function benchCases({ lengths, directions, passes }: AttentionBenchSettings): readonly Case[] {
  return passes.flatMap((pass) =>
    directions.flatMap((direction) => lengths.map((seqLen) => ({ seqLen, causal: direction === "causal", pass }))),
  );
}

/**
 * Measures attention on random q, k, v of one sequence.
 *
 * @param onRound called after every round with what is being measured
 */
export async function benchAttention(
  settings: AttentionBenchSettings,
  backend: Backend,
  onRound: (what: string) => void = () => undefined,
): Promise<AttentionBenchResult> {
  await using gemm = await gemmContender(backend);
  const gemmMs: number[] = [];
  const rows: AttentionBenchRow[] = [];
  for (const each of benchCases(settings)) {
    const label = `${each.causal ? "causal" : "bidirectional"} ${each.pass}, ${each.seqLen} tokens`;
    await using owned = createOwner();
    const contenders = [gemm, ...(await prepareCase(settings, each, backend, owned))];
    const timings = await measureInTurn(contenders, settings.rounds, () => onRound(label));
    const timesOf = (name: string) => timings.get(name) ?? [];
    gemmMs.push(...timesOf("gemm"));
    const loopBoundMs = median(timesOf("loop bound"));
    const boundMs = timings.has("bound") ? median(timesOf("bound")) : loopBoundMs;
    const exactMs = timings.has("exact") ? median(timesOf("exact")) : undefined;
    const positiveMs = settings.mechanisms.includes("favor") ? median(timesOf("favor")) : undefined;
    for (const mechanism of settings.mechanisms) {
      const medianMs = median(timesOf(mechanism));
      rows.push({
        mechanism,
        ...each,
        featuresPerToken: rowsFor(mechanism, settings.numFeatures) * mechanisms[mechanism].map.featuresPerRow,
        medianMs,
        minMs: Math.min(...timesOf(mechanism)),
        boundMs,
        ratioToBound: medianMs / boundMs,
        loopBoundMs,
        ratioToLoopBound: medianMs / loopBoundMs,
        ...(positiveMs !== undefined && { ratioToPositive: medianMs / positiveMs }),
        ...(exactMs !== undefined && { exactMs, speedupOverExact: exactMs / medianMs }),
      });
    }
  }
  return { machine: describeMachine(settings.threads), gemm: { gflops: gemmGflops(gemmMs) }, rows };
}

/** Rows of the projection that give as many features as asked: half of them for maps with two features a row. */
function rowsFor(mechanism: BenchMechanism, numFeatures: number): number {
  return Math.max(1, Math.round(numFeatures / mechanisms[mechanism].map.featuresPerRow));
}

/** Compiles what a case compares, and runs each once. */
async function prepareCase(
  settings: AttentionBenchSettings,
  { seqLen, causal, pass }: Case,
  backend: Backend,
  owned: Owner,
): Promise<readonly Contender[]> {
  const { numHeads, headDim, numFeatures } = settings;
  const random = createRandom(1, "bench", "attention");
  const drawn = new Map<number, Float32Array>();
  // Equal sizes share one array: what is in it does not matter, and long sequences need much.
  const draw = (shape: Shape) => {
    const size = sizeOf(shape);
    const values = drawn.get(size) ?? fillNormal(random, new Float32Array(size));
    drawn.set(size, values);
    return values;
  };
  const prepare = async <Name extends string>(
    name: string,
    build: (tensors: Readonly<Record<Name, Tensor>>) => Readonly<Record<string, Tensor>>,
    shapes: Readonly<Record<Name, Shape>>,
  ) => {
    const executable = owned.add(await compile(build, shapes, { backend }));
    const feeds = Object.fromEntries(Object.entries(executable.inputs).map(([key, { shape }]) => [key, draw(shape)]));
    return { name, run: () => executable.run(feeds) };
  };

  const heads = [1, numHeads, seqLen, headDim];
  const projection = [numFeatures, headDim];
  const contenders: Contender[] = [];
  for (const mechanism of settings.mechanisms) {
    const contender = await prepare(
      mechanism,
      ({ q, k, v, dOut, projection }) => {
        const { apply, statistics } = mechanisms[mechanism];
        const widths = Object.entries(causal ? (statistics?.widths(headDim) ?? {}) : {});
        const frozen = widths.map(([name, width]) => [name, full([1, numHeads, 1, width], 1)]);
        const out = apply(q, k, v, {
          causal,
          projection,
          ...(frozen.length > 0 && { statistics: Object.fromEntries(frozen) }),
        });
        if (pass === "forward") return { out };
        const [dq = q, dk = k, dv = v] = backpropagate([out], [dOut], [q, k, v]);
        return { out, dq, dk, dv };
      },
      { q: heads, k: heads, v: heads, dOut: heads, projection: [rowsFor(mechanism, numFeatures), headDim] },
    );
    await contender.run();
    contenders.push(contender);
  }

  // The products of a last chunk that is not full count as a whole one, as they do in attention itself.
  const length = causal ? Math.ceil(seqLen / CAUSAL_CHUNK) * CAUSAL_CHUNK : seqLen;
  const [features, values] = [
    [numHeads, length, headDim],
    [numHeads, length, headDim + 1],
  ] as const;
  const shapes = { q: features, k: features, v: values, dU: values, projection };
  const { batched, loop } = productBounds(causal, pass, numHeads * length * numFeatures);
  const bounds = [["bound", batched] as const, ["loop bound", loop] as const];
  for (const [name, arrangement] of bounds) {
    if (arrangement === undefined) continue;
    const contender = await prepare(name, arrangement, shapes);
    await contender.run();
    contenders.push(contender);
  }

  if (settings.exact && pass === "forward" && seqLen <= LONGEST_EXACT) {
    const merged = [1, seqLen, numHeads * headDim];
    const contender = await prepare(
      "exact",
      ({ q, k, v }) => ({ out: fusedExactAttention(q, k, v, { numHeads, causal }) }),
      { q: merged, k: merged, v: merged },
    );
    contenders.push({ ...contender, budgetMs: EXACT_BUDGET_MS });
  }
  return contenders;
}
