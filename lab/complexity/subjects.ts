/** What is measured of a mechanism: either direction that it has, at the lengths that suit its order. */

import { problem } from "performer-ts/graph";
import { createMechanism, type AttentionMechanism, type MechanismChoice } from "performer-ts/attention";
import { ConfigError } from "performer-ts/model";
import type { Contender } from "../compare/options.ts";

export interface AttentionSizes {
  readonly numHeads: number;
  readonly headDim: number;
  readonly numFeatures: number;
}

/** A mechanism in one direction, at one length. */
export interface Subject {
  readonly name: string;
  readonly mechanism: AttentionMechanism;
  readonly causal: boolean;
  readonly seqLen: number;
}

/** Mechanisms over given edges are measured with every position and this many before it. */
const NEIGHBOURS = 8;

/** What mechanisms need to be told of a sequence, where they are named without options. */
const neededOptions: Readonly<Record<string, (seqLen: number) => object>> = {
  graph: (seqLen) => ({ edges: nearEdges(seqLen) }),
  gat: (seqLen) => ({ edges: nearEdges(seqLen) }),
  cosformer: (seqLen) => ({ maxLength: seqLen }),
};
/** Mechanisms that keep L × L scores take a quarter of the lengths: 1 GB for four heads at 4,096. */
const QUADRATIC_SHARE = 1 / 4;

/**
 * @returns a list of lengths for each direction that there is
 * @throws ConfigError where there is none
 */
export function subjectsOf(
  { label, mechanism: choice }: Contender,
  lengths: readonly number[],
  { numHeads, headDim }: AttentionSizes,
): readonly (readonly Subject[])[] {
  const usual = createMechanism(choice, "complexity");
  const isQuadratic = /L²|L\^2/.test(usual.complexity ?? "");
  const own = isQuadratic ? lengths.map((length) => Math.max(1, Math.round(length * QUADRATIC_SHARE))) : lengths;
  const needed = neededOptions[label];
  const mechanismAt = (seqLen: number) =>
    // A name of the table of mechanisms: the one that was just found.
    needed ? createMechanism({ name: label, ...needed(seqLen) } as MechanismChoice, "complexity") : usual;
  const maxSeqLen = Math.max(...own);
  const refusals = [true, false].map((causal) =>
    mechanismAt(maxSeqLen).refuse?.({ causal, cross: false, maxSeqLen, numHeads, headDim }),
  );
  const found = [true, false].flatMap((causal, index) =>
    refusals[index] === undefined
      ? [own.map((seqLen) => ({ name: label, mechanism: mechanismAt(seqLen), causal, seqLen }))]
      : [],
  );
  const [refusal] = refusals;
  if (found.length === 0 && refusal !== undefined) {
    throw new ConfigError(problem`complexity: ${refusal.rule}, got ${refusal.got}; ${refusal.fix}`);
  }
  return found;
}

/** `O(L)` and `O(L·w)`, not `O(L²)`, `O(L log L)`, or the `O(L·(s+L/s))` of strides. */
export function isLinear(complexity: string): boolean {
  return !/L²|L\^|√L|log|L·L|L\/s/.test(complexity);
}

function nearEdges(seqLen: number) {
  return Array.from({ length: seqLen }, (_, to) =>
    Array.from({ length: Math.min(NEIGHBOURS, to + 1) }, (__, back) => [to - back, to] as const),
  ).flat();
}
