/** The attention whose memory is measured, and what each needs at least. */

import { favorAttentionGradients } from "../attention/attention-gradients.ts";
import { favorMechanisms } from "../attention/favor/favor.ts";
import type { MechanismName } from "../attention/mechanisms.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import type { AttentionCase, Prepare } from "./contender.ts";
import { exactContender, exactNames, matrixBytes } from "./exact.ts";
import { favorContender, type BenchMechanism } from "./favor.ts";
import type { Contender } from "./measure.ts";

/** The exact attention that a pass is measured with: what most people run. */
export function exactSubject({ pass }: Pick<AttentionCase, "pass">): string {
  return pass === "forward" ? exactNames.fused : exactNames.wholeMatrix;
}

function isFavor(subject: string): subject is BenchMechanism {
  return Object.hasOwn(favorMechanisms, subject);
}

const IN_PARTS = ", in parts";

/** What is measured of a mechanism: one graph, and where sequences can be read in parts with gradients, that too. */
export function favorSubjects(mechanism: BenchMechanism, { causal, pass }: Pick<AttentionCase, "causal" | "pass">) {
  return causal && pass === "forward+backward" ? [mechanism, mechanism + IN_PARTS] : [mechanism];
}

/** Arrays in, arrays out: nothing but them and one part is held. */
function inParts(mechanism: MechanismName, { seqLen, numHeads, headDim, numFeatures }: AttentionCase): Contender {
  const random = createRandom(1, "bench", "parts");
  const draw = () => ({
    data: fillNormal(random, new Float32Array(seqLen * numHeads * headDim)),
    dims: [seqLen, numHeads * headDim],
  });
  const arrays = { q: draw(), k: draw(), v: draw(), dOut: draw() };
  const options = { numHeads, numFeatures, mechanism, causal: true } as const;
  return { name: mechanism + IN_PARTS, run: () => favorAttentionGradients(arrays, options) };
}

export async function attentionContender(prepare: Prepare, subject: string, each: AttentionCase): Promise<Contender> {
  const whole = subject.replace(IN_PARTS, "");
  if (subject !== whole && isFavor(whole)) return inParts(whole, each);
  return isFavor(subject) ? favorContender(prepare, subject, each) : exactContender(prepare, subject, each);
}

/** Inputs and outputs, and for exact attention its matrices of weights. */
export function leastAttentionBytes(subject: string, each: AttentionCase): number {
  const { numHeads, headDim, seqLen, pass } = each;
  const tensors = pass === "forward" ? 4 : 8; // q, k, v, out, and a gradient of each
  return (
    tensors * 4 * numHeads * headDim * seqLen +
    (isFavor(subject.replace(IN_PARTS, "")) ? 0 : matrixBytes(subject, each))
  );
}
