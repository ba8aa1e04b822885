/** A whole model with one of several kinds of attention in it, forward or forward and backward. */

import { mechanisms } from "../attention/mechanisms.ts";
import type { AttentionMechanism } from "../attention/mechanism.ts";
import { backpropagate } from "../autodiff/gradients.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  drawProjections,
  initialParameters,
  logits,
  modelConfig,
  type ModelConfig,
  type ModelOptions,
} from "../model/index.ts";
import { modelInputs } from "../model/inputs.ts";
import { full } from "../ops/source.ts";
import { createRandom } from "../random/index.ts";
import { feedsFor, type Backend } from "../runtime/index.ts";
import { batchFeeds, batchInputs, gradientOutputs } from "../training/graphs.ts";
import { meanLoss, tokenLosses } from "../training/index.ts";
import type { Contender, Owner } from "./measure.ts";
import type { Pass } from "./products.ts";

/** Attention that costs nothing: the fastest that a model with any other can be. */
export const FREE_ATTENTION = "X";

/**
 * Returns V. Queries and keys are not even computed, for nothing depends on them.
 *
 * Source: the line (X) of figure 3 of arXiv:2009.14794.
 */
const returnsValues: AttentionMechanism = {
  name: FREE_ATTENTION,
  summary: "no attention: the values as they are",
  initialise: () => undefined,
  apply: (_q, _k, v) => v,
};

export interface ModelSubject {
  /** A mechanism of the table, or `X`. */
  readonly subject: string;
  readonly model: ModelOptions;
  readonly causal: boolean;
  readonly seqLen: number;
  readonly pass: Pass;
}

/** The configuration of a contender; without attention, the model needs no projections. */
export function subjectConfig({ subject, model }: ModelSubject): ModelConfig {
  return modelConfig({ ...model, mechanism: subject === FREE_ATTENTION ? "exact" : mechanismNamed(subject) });
}

function mechanismNamed(subject: string): keyof typeof mechanisms {
  if (Object.hasOwn(mechanisms, subject)) return subject as keyof typeof mechanisms; // a key of the table, as just seen
  throw new RangeError(`bench model: a mechanism must be ${Object.keys(mechanisms).join(", ")} or X, got '${subject}'`);
}

/** The mechanism as the model is to use it: which way it looks is for the benchmark to say. */
function mechanismOf({ subject, causal }: ModelSubject): AttentionMechanism {
  const mechanism = subject === FREE_ATTENTION ? returnsValues : mechanisms[mechanismNamed(subject)];
  return { ...mechanism, apply: (q, k, v, options) => mechanism.apply(q, k, v, { ...options, causal }) };
}

/** Logits, or the loss and the gradient of every weight; batch 1. */
function modelOutputs(asked: ModelSubject): Record<string, Tensor> {
  const model = modelInputs(subjectConfig(asked));
  const batch = batchInputs({ batchSize: 1, seqLen: asked.seqLen });
  const predicted = logits(model, batch.inputIds, { mechanism: mechanismOf(asked) });
  if (asked.pass === "forward") return { logits: predicted };
  const loss = meanLoss(tokenLosses(predicted, batch.targetIds, batch.weights));
  const found = backpropagate([loss], [full([], 1)], Object.values(model.named));
  return { loss, ...gradientOutputs(model.named, found) };
}

/** Compiles it with fresh weights and random tokens. */
export async function prepareModel(asked: ModelSubject, backend: Backend, owned: Owner): Promise<Contender> {
  const config = subjectConfig(asked);
  const { seqLen } = asked;
  const executable = owned.add(await backend.compile({ outputs: modelOutputs(asked) }));
  const random = createRandom(1, "bench", "model");
  const ids = () => Int32Array.from({ length: seqLen }, () => random.integer(config.vocabSize));
  const weights = new Float32Array(seqLen).fill(1);
  const feeds = feedsFor(executable, {
    ...initialParameters(config, 0),
    ...drawProjections(config, 0, 0),
    ...batchFeeds({ inputIds: ids(), targetIds: ids(), weights }),
  });
  return { name: asked.subject, run: () => executable.run(feeds) };
}

/**
 * What a contender needs at least, by the peaks measured at 512 to 2,048 tokens: weights with their gradients, what
 * each layer keeps for its backward pass (four tensors of the stream's width and four of the feed-forward layer's), and
 * for exact attention `[H, L, L]` matrices: two forward, one and a half a layer where gradients need them, and a causal
 * mask a layer.
 */
export function leastModelBytes(asked: ModelSubject): number {
  const { numLayers, modelDim, mlpDim, numHeads } = subjectConfig(asked);
  const { seqLen, pass, subject, causal } = asked;
  const forward = pass === "forward";
  const stream = (forward ? 1 : numLayers) * seqLen * 4 * (modelDim + mlpDim);
  const perHead = forward ? 2 : 1.5 * numLayers;
  const matrices = subject === "exact" ? (perHead * numHeads + (causal ? numLayers : 0)) * seqLen ** 2 : 0;
  const weights = (forward ? 1 : 2) * numLayers * (4 * modelDim ** 2 + 2 * modelDim * mlpDim);
  return 4 * (stream + matrices + weights);
}
