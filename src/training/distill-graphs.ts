/**
 * The graphs of distillation: a student beside its teacher on the same tokens, and how far they are apart.
 *
 * The student has the teacher's blocks with another attention in some of them, so layer l of one stands for layer l of
 * the other. In the stage `layers` each block of the student reads what the teacher's block reads, so every layer
 * learns by itself and at once; in the stage `model` the student reads its own states, and what counts is where they
 * lead.
 *
 * Source: Hinton et al., arXiv:1503.02531 (soft targets); Jiao et al., TinyBERT, arXiv:1909.10351 (states of all
 * layers); Zhang et al., LoLCATs, arXiv:2410.10254 (linear attention layer by layer first, then end to end).
 */
import type { ExecutionForm } from "../attention/mechanism.ts";
import { backpropagate } from "../autodiff/gradients.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { applyBlock, enterStream, leaveStream, type Stream } from "../model/block.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelInputs } from "../model/inputs.ts";
import { applyFinalNorm, applyHead } from "../model/output.ts";
import { branchesOf, embed, tokenMask, type ModelTensors } from "../model/performer.ts";
import { constantPositions } from "../model/positions.ts";
import { logSoftmax, square } from "../ops/composed.ts";
import { add, div, exp, maximum, minimum, mul, sqrt, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { slice } from "../ops/slicing.ts";
import { full } from "../ops/source.ts";
import type { BatchShape } from "../data/batch.ts";
import { pickNames } from "./freeze.ts";
import { batchInputs, gradientOutputs } from "./graphs.ts";
import { meanLoss } from "./loss.ts";

export const distillStages = ["layers", "model"] as const;
export type DistillStage = (typeof distillStages)[number];

export interface DistillGraphOptions {
  readonly teacher: ModelConfig;
  /** How an encoder's states become one vector: the `mean` over all tokens, or the first token's (`cls`). */
  readonly pooling: "mean" | "cls";
  /**
   * The weight of the layers' states in the stage `model`, relative to the vector or the predictions. Default 1.
   */
  readonly statesWeight: number;
  readonly form: ExecutionForm;
}

/** The prefix of the teacher's inputs. */
export const TEACHER = "teacher.";

/** Below these a vector has no direction, and a state no size. */
const SMALLEST_SQUARE = 1e-12;

/**
 * How far a student is from its teacher in each text of an encoder, or at each token of a decoder, and what of these
 * counts.
 */
interface Distances {
  readonly losses: Tensor;
  readonly weights: Tensor;
}

/**
 * Loss and gradients of a batch.
 *
 * @param student configuration of the student, whose weights are the inputs under their own names
 * @param trained names of the weights whose gradients are computed
 */
export function distillStepOutputs(
  student: ModelConfig,
  shape: BatchShape,
  stage: DistillStage,
  trained: readonly string[],
  options: DistillGraphOptions,
): Record<string, Tensor> {
  const model = modelInputs(student);
  const { loss, weightSum } =
    stage === "layers" ? layerDistance(model, shape, options) : modelDistance(model, shape, options);
  const by = pickNames(model.named, trained);
  return { loss, weightSum, ...gradientOutputs(by, backpropagate([loss], [full([], 1)], Object.values(by))) };
}

/**
 * What a student is judged by: `losses` `[B]` of encoders, 1 − cosine of the vectors of each text; `[B, L]` of
 * decoders, the divergence KL(teacher ‖ student) of the next token in nats at each token.
 */
export function distillEvaluationOutputs(
  student: ModelConfig,
  shape: BatchShape,
  options: DistillGraphOptions,
): Record<string, Tensor> {
  const model = modelInputs(student);
  return { losses: outcome(model, shape, options).end.losses };
}

/** Everything that both models read. */
function readings(model: ModelTensors, shape: BatchShape, { teacher }: DistillGraphOptions) {
  const { inputIds, weights } = batchInputs(shape);
  const positions = constantPositions(model.config, shape.seqLen);
  const mask = model.config.architecture === "encoder" ? tokenMask(model.config, inputIds) : undefined;
  return { inputIds, weights, positions, mask, teacher: modelInputs(teacher, TEACHER) };
}

type Readings = ReturnType<typeof readings>;

/** The streams before the first block and behind each. */
function streamsOf(model: ModelTensors, { inputIds, positions, mask }: Readings, form: ExecutionForm): Stream[] {
  const streams = [enterStream(model.config, embed(model, inputIds, positions))];
  for (let layer = 0; layer < model.config.numLayers; layer++) {
    streams.push(blockOutput(model, layer, streams[layer] ?? missingStream(layer), { positions, mask }, form));
  }
  return streams;
}

function blockOutput(
  model: ModelTensors,
  layer: number,
  stream: Stream,
  { positions, mask }: Pick<Readings, "positions" | "mask">,
  form: ExecutionForm,
): Stream {
  return scope(`blocks.${layer}`, () => applyBlock(branchesOf(model, layer, positions, { form }, mask), stream));
}

function missingStream(layer: number): never {
  throw new RangeError(`distillation: the stream before layer ${layer} must be there, got none`);
}

/**
 * Each block of the student on what the teacher's block reads: ‖student − teacher‖² by the square of what the teacher's
 * block adds, mean over tokens and layers.
 */
function layerDistance(model: ModelTensors, shape: BatchShape, options: DistillGraphOptions) {
  const read = readings(model, shape, options);
  const { weights, positions, mask } = read;
  const taught = scope("teacher", () => streamsOf(read.teacher, read, options.form));
  const errors = taught.slice(1).map((behind, layer) => {
    const before = taught[layer] ?? missingStream(layer);
    const own = leaveStream(blockOutput(model, layer, before, { positions, mask }, options.form));
    const wanted = leaveStream(behind);
    return relativeError(own, wanted, sub(wanted, leaveStream(before)), weights);
  });
  return { loss: meanOf(errors), weightSum: sum(weights) };
}

/** The student's states layer by layer, and its output. */
function outcome(model: ModelTensors, shape: BatchShape, options: DistillGraphOptions) {
  const read = readings(model, shape, options);
  const { form, pooling } = options;
  const taught = scope("teacher", () => streamsOf(read.teacher, read, form));
  const own = scope("student", () => streamsOf(model, read, form));
  const last = (of: ModelTensors, streams: readonly Stream[]) =>
    applyFinalNorm(of.config, of.parameters, leaveStream(streams.at(-1) ?? missingStream(of.config.numLayers)));
  const [wanted, found] = [last(read.teacher, taught), last(model, own)];
  const end =
    model.config.architecture === "encoder"
      ? angles(pooled(pooling, wanted, read.weights), pooled(pooling, found, read.weights), read.weights)
      : divergences(applyHead(read.teacher, wanted), applyHead(model, found), read.weights);
  return { read, taught, own, end };
}

function modelDistance(model: ModelTensors, shape: BatchShape, options: DistillGraphOptions) {
  const { read, taught, own, end } = outcome(model, shape, options);
  const errors = taught.slice(1).map((stream, index) => {
    const wanted = leaveStream(stream);
    return relativeError(leaveStream(own[index + 1] ?? missingStream(index + 1)), wanted, wanted, read.weights);
  });
  const states = options.statesWeight === 0 ? [] : [mul(meanOf(errors), options.statesWeight)];
  return { loss: [meanOver(end), ...states].reduce((a, b) => add(a, b)), weightSum: sum(end.weights) };
}

/** ‖found − wanted‖² / ‖by‖² of every token, `[B, L, modelDim]`; the mean over those that count. */
function relativeError(found: Tensor, wanted: Tensor, by: Tensor, weights: Tensor): Tensor {
  const squares = (x: Tensor) => sum(square(x), { axes: [-1] });
  const ratios = div(squares(sub(found, wanted)), maximum(squares(by), SMALLEST_SQUARE));
  return meanOver({ losses: ratios, weights });
}

/** The mean of the losses that count. */
function meanOver({ losses, weights }: Distances): Tensor {
  return meanLoss({ lossSum: sum(mul(losses, weights)), weightSum: sum(weights) });
}

function meanOf(errors: readonly Tensor[]): Tensor {
  return mul(
    errors.reduce((a, b) => add(a, b)),
    1 / errors.length,
  );
}

/** `[B, L, modelDim]` → `[B, modelDim]`, up to a factor, which angles do not know. */
function pooled(pooling: DistillGraphOptions["pooling"], states: Tensor, weights: Tensor): Tensor {
  const [batchSize = 1, seqLen = 1, width = 1] = states.shape;
  const summed = pooling === "cls" ? slice(states, 1, 0, 1) : matmul(reshape(weights, [batchSize, 1, seqLen]), states);
  return reshape(summed, [batchSize, width]);
}

/** 1 − cosine of vectors `[B, modelDim]`; rows without a token do not count. */
function angles(wanted: Tensor, found: Tensor, weights: Tensor): Distances {
  const dot = (a: Tensor, b: Tensor) => sum(mul(a, b), { axes: [-1] });
  const lengths = sqrt(maximum(mul(dot(wanted, wanted), dot(found, found)), SMALLEST_SQUARE));
  return { losses: sub(1, div(dot(wanted, found), lengths)), weights: minimum(sum(weights, { axes: [-1] }), 1) };
}

/** KL(teacher ‖ student) in nats of logits `[B, L, vocabSize]`, over the tokens that count. */
function divergences(wanted: Tensor, found: Tensor, weights: Tensor): Distances {
  const teacher = logSoftmax(wanted);
  return { losses: sum(mul(exp(teacher), sub(teacher, logSoftmax(found))), { axes: [-1] }), weights };
}
