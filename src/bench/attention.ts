/**
 * How long attention takes, beside the matrix products that it cannot do without, beside exact attention, and beside
 * its peers.
 */

import { createBackend } from "#engine";
import { median } from "../statistics/index.ts";
import type { Backend } from "../runtime/index.ts";
import type { TaskContext } from "../runs/events.ts";
import { availableBytes } from "./available-memory.ts";
import { createPrepare, directionOf, type AttentionCase, type AttentionSizes, type Direction } from "./contender.ts";
import { completeExact, exactContenders } from "./exact.ts";
import { boundContenders, boundNames, favorContender, featuresPerToken, type BenchMechanism } from "./favor.ts";
import { linearAttentionContender } from "./linear-attention-op.ts";
import {
  createOwner,
  describeMachine,
  gemmContender,
  gemmGflops,
  measureInTurn,
  type Contender,
  type Machine,
  type Owner,
  type Timings,
} from "./measure.ts";
import { peers, type PeerName } from "./peers/index.ts";
import { isAbsent, type Peer } from "./peers/peer.ts";
import type { Pass } from "./products.ts";
import { countProgress } from "./progress.ts";
import { fitScaling, type Scaling } from "./scaling.ts";

export interface AttentionBenchSettings extends AttentionSizes {
  readonly lengths: readonly number[];
  readonly mechanisms: readonly BenchMechanism[];
  readonly passes: readonly Pass[];
  readonly directions: readonly Direction[];
  readonly rounds: number;
  readonly threads: number;
  /** Measure exact attention too, where it does not take minutes. */
  readonly exact: boolean;
  /** Measure the engine's LinearAttention op too. */
  readonly engineOp: boolean;
  /** Other packages to measure, where the user has them. */
  readonly peers: readonly PeerName[];
  readonly python: string;
}

export interface AttentionBenchRow {
  /** A mechanism of the table, or what it is compared with: exact attention, the engine's op, a peer. */
  readonly mechanism: string;
  readonly causal: boolean;
  readonly seqLen: number;
  readonly pass: Pass;
  /**
   * Features a token has: the same for all mechanisms, so that their products are the same. Of the table's mechanisms
   * only.
   */
  readonly featuresPerToken?: number;
  readonly medianMs: number;
  readonly minMs: number;
  /**
   * Median of the matrix products of linear attention alone: plain products in one graph where that fits, else those of
   * the loop.
   */
  readonly boundMs: number;
  /** medianMs over boundMs. */
  readonly ratioToBound: number;
  /**
   * Median of the products alone in the loops that attention itself uses, features of the backward pass computed again
   * there.
   */
  readonly loopBoundMs: number;
  readonly ratioToLoopBound: number;
  /** medianMs over that of `favor`, positive features, when it is measured too. Of the table's mechanisms only. */
  readonly ratioToPositive?: number;
  /** Median of the fastest exact attention that does the same pass. Of the table's mechanisms only. */
  readonly exactMs?: number;
  /** exactMs over medianMs. */
  readonly speedupOverExact?: number;
}

export interface AttentionBenchResult {
  readonly machine: Machine;
  /** A product of two 1024 × 1024 matrices, measured in the same rounds. */
  readonly gemm: { readonly gflops: number };
  readonly rows: readonly AttentionBenchRow[];
  /** How the time of each mechanism grows; empty below three lengths. */
  readonly scaling: readonly Scaling[];
  /** Peers that are not there. */
  readonly skipped: readonly { readonly peer: string; readonly reason: string }[];
}

export function benchCases(settings: AttentionBenchSettings): readonly AttentionCase[] {
  const { lengths, directions, passes, numHeads, headDim, numFeatures } = settings;
  const sizes = { numHeads, headDim, numFeatures };
  return passes.flatMap((pass) =>
    directions.flatMap((direction) =>
      lengths.map((seqLen) => ({ seqLen, causal: direction === "causal", pass, ...sizes })),
    ),
  );
}

/**
 * Measures attention on random q, k, v of one sequence, and tells of every round and of every peer that is not there.
 */
export async function benchAttention(
  settings: AttentionBenchSettings,
  context: TaskContext = {},
): Promise<AttentionBenchResult> {
  const cases = benchCases(settings);
  const backend = createBackend({ threads: settings.threads });
  using progress = countProgress(context, "bench attention", cases.length * settings.rounds);
  await using present = createOwner();
  const found: Peer[] = [];
  const skipped: { readonly peer: string; readonly reason: string }[] = [];
  for (const name of settings.peers) {
    const peer = await peers[name](settings);
    if (isAbsent(peer)) {
      skipped.push({ peer: name, reason: peer.reason });
      progress.skip({ what: name, reason: peer.reason });
    } else {
      found.push(present.add(peer));
    }
  }

  await using gemm = await gemmContender(backend);
  const gemmMs: number[] = [];
  const rows: AttentionBenchRow[] = [];
  for (const each of cases) {
    const measuring = `${directionOf(each)} ${each.pass}, ${each.seqLen} tokens`;
    await using owned = createOwner();
    const contenders = [gemm, ...(await prepareCase(settings, each, backend, owned, found))];
    const timings = await measureInTurn(contenders, settings.rounds, () => progress.next({ measuring }));
    gemmMs.push(...(timings.get("gemm") ?? []));
    rows.push(...rowsOf(settings, each, timings));
  }
  return {
    machine: describeMachine(settings.threads),
    gemm: { gflops: gemmGflops(gemmMs) },
    rows,
    scaling: fitScaling(rows),
    skipped,
  };
}

/** Compiles what a case compares, and runs once what takes no budget of its own. */
async function prepareCase(
  settings: AttentionBenchSettings,
  each: AttentionCase,
  backend: Backend,
  owned: Owner,
  present: readonly Peer[],
): Promise<readonly Contender[]> {
  const prepare = createPrepare(backend, owned);
  const contenders: Contender[] = [];
  for (const mechanism of settings.mechanisms) contenders.push(await favorContender(prepare, mechanism, each));
  contenders.push(...(await boundContenders(prepare, each)));
  if (settings.engineOp && each.causal && each.pass === "forward") {
    contenders.push(await linearAttentionContender(prepare, each));
  }
  for (const { run } of contenders) await run();
  // Half of what is free: the contenders of a case are all in memory at once.
  if (settings.exact) contenders.push(...(await exactContenders(prepare, each, availableBytes() / 2)));
  for (const peer of present) contenders.push(...(await peer.contenders(each, owned)));
  return contenders;
}

function rowsOf(settings: AttentionBenchSettings, each: AttentionCase, timings: Timings): AttentionBenchRow[] {
  const { seqLen, causal, pass } = each;
  const medianOf = (name: string) => median(timings.get(name) ?? []);
  const loopBoundMs = medianOf(boundNames.loop);
  const boundMs = timings.has(boundNames.batched) ? medianOf(boundNames.batched) : loopBoundMs;
  const exactTimes = completeExact.filter((name) => timings.has(name)).map(medianOf);
  const exactMs = exactTimes.length === 0 ? undefined : Math.min(...exactTimes);
  const positiveMs = timings.has("favor") ? medianOf("favor") : undefined;
  const measured = [...timings.keys()].filter((name) => name !== "gemm" && !isBound(name));
  return measured.map((name) => {
    const medianMs = medianOf(name);
    const mechanism = settings.mechanisms.find((one) => one === name);
    return {
      mechanism: name,
      causal,
      seqLen,
      pass,
      ...(mechanism && { featuresPerToken: featuresPerToken(mechanism, each.numFeatures) }),
      medianMs,
      minMs: Math.min(...(timings.get(name) ?? [])),
      boundMs,
      ratioToBound: medianMs / boundMs,
      loopBoundMs,
      ratioToLoopBound: medianMs / loopBoundMs,
      ...(mechanism && positiveMs !== undefined && { ratioToPositive: medianMs / positiveMs }),
      ...(mechanism && exactMs !== undefined && { exactMs, speedupOverExact: exactMs / medianMs }),
    };
  });
}

function isBound(name: string): boolean {
  return Object.values<string>(boundNames).includes(name);
}
