// The attention whose memory is measured, and what each needs at least.

import { favorMechanisms } from "../../attention/favor/favor.ts";
import type { AttentionCase, Prepare } from "./contender.ts";
import { exactContender, exactNames, matrixBytes } from "./exact.ts";
import { favorContender } from "./favor.ts";
import type { BenchMechanism } from "./favor.ts";
import type { Contender } from "./measure.ts";

/** The exact attention that a pass is measured with: what most people run. */
export function exactSubject({ pass }: Pick<AttentionCase, "pass">): string {
  return pass === "forward" ? exactNames.fused : exactNames.wholeMatrix;
}

function isFavor(subject: string): subject is BenchMechanism {
  return Object.hasOwn(favorMechanisms, subject);
}

export function attentionContender(prepare: Prepare, subject: string, each: AttentionCase): Promise<Contender> {
  return isFavor(subject) ? favorContender(prepare, subject, each) : exactContender(prepare, subject, each);
}

/** Inputs and outputs, and for exact attention its matrices of weights. */
export function leastAttentionBytes(subject: string, each: AttentionCase): number {
  const { numHeads, headDim, seqLen, pass } = each;
  const tensors = pass === "forward" ? 4 : 8; // q, k, v, out, and a gradient of each
  return tensors * 4 * numHeads * headDim * seqLen + (isFavor(subject) ? 0 : matrixBytes(subject, each));
}
