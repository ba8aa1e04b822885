/** Distillation: a converted model is trained to do what the original does, first layer by layer, then as a whole. */
import { refuseUnknownOptions } from "../graph/arguments.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { renamed } from "../graph/records.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors, requireModel } from "../model/tensors.ts";
import type { Backend } from "../runtime/backend.ts";
import { trainingConfig } from "../training/config.ts";
import { checkPair, createDistillExecution, distilledNames, type DistilledPart } from "../training/distill.ts";
import { distillStages, type DistillGraphOptions, type DistillStage } from "../training/distill-graphs.ts";
import { evaluatorWith } from "../training/evaluate.ts";
import { stateFrom, train, type TrainingProgress } from "../training/trainer.ts";
import type { ConvertedModel, ConvertibleModel } from "./convert-attention.ts";
import { distillEvaluation, distillTraining } from "./distill-batches.ts";

export interface DistillOptions extends Partial<Pick<DistillGraphOptions, "pooling" | "statesWeight">> {
  /** The original. */
  readonly teacher: ConvertibleModel;
  /** The converted model; calibrate it first where possible, which saves most of the training. */
  readonly student: ConvertibleModel;
  /** Texts to learn from, as the models read them, special tokens included; longer ones than `maxSeqLen` are cut. */
  readonly tokenIds: readonly ArrayLike<number>[];
  /** Others, which tell what weights are the best. */
  readonly heldOut: readonly ArrayLike<number>[];
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Decides the order of texts. Default 0. */
  readonly seed?: number;
  /** Optimizer steps of each stage; 0 leaves it out. Default 0 for `layers` and 500 for `model`. */
  readonly steps?: Partial<Readonly<Record<DistillStage, number>>>;
  /** The weights to train. Default `blocks`: all except embeddings and heads. */
  readonly part?: DistilledPart;
  /** Peak learning rate. Default 3e-4, as for fine-tuning. */
  readonly learningRate?: number;
  /** Tokens of a batch, padding included. Default 1024. */
  readonly tokensPerBatch?: number;
  /** Tokens that are read of a text. Default 512, at most the teacher's positions: exact attention is quadratic. */
  readonly maxSeqLen?: number;
  /** Steps between evaluations. Default 25. */
  readonly evalInterval?: number;
  /** Evaluations in a row without a gain that end a stage. Default 8. */
  readonly patience?: number;
  /** Ends training after the step in progress, with the best weights so far. */
  readonly signal?: AbortSignal;
  /** Called after each step. Default: not called. */
  readonly onStep?: (stage: DistillStage, progress: TrainingProgress) => void | Promise<void>;
  /** @param step counted through both stages; `distance` as in the outcome */
  /** Called after each evaluation of the validation data. Default: not called. */
  readonly onEvaluation?: (stage: DistillStage, step: number, distance: number) => void | Promise<void>;
}

export interface DistillOutcome {
  /** With the weights of the least distance; those of the beginning where nothing came nearer. */
  readonly tensors: ConvertedModel["tensors"];
  /**
   * On the texts held out: of encoders 1 − cosine of the vectors, of decoders KL(teacher ‖ student) of the next token
   * in nats.
   */
  readonly before: number;
  readonly after: number;
  /** Steps that were made. */
  readonly steps: Readonly<Record<DistillStage, number>>;
  readonly interrupted: boolean;
}

const WHO = "distill";
const optionNames = {
  teacher: true,
  student: true,
  tokenIds: true,
  heldOut: true,
  backend: true,
  seed: true,
  steps: true,
  part: true,
  learningRate: true,
  tokensPerBatch: true,
  maxSeqLen: true,
  evalInterval: true,
  patience: true,
  signal: true,
  onStep: true,
  onEvaluation: true,
  pooling: true,
  statesWeight: true,
} as const satisfies Record<keyof DistillOptions, true>;

/** Lengths are rounded up to multiples of this: a dozen graphs for texts of up to 512 tokens. */
const BUCKET_STEP = 32;
const LONGEST = 512;

/**
 * Trains a converted model to do what its original does. Projections, embeddings and the head stay as they are.
 *
 * In the stage `layers` every block learns to do what the teacher's block does on the same states, in the stage `model`
 * the student learns to end where the teacher ends: at its vectors, of a decoder at its predictions, and at the states
 * of every layer.
 *
 * @throws ConfigError for models that are not of one making, and for texts that do not fill a batch
 *
 * @example
 * const student = convertPretrained(teacher, { mechanism: "favor", numFeatures: 256, seed: 0 });
 * const { tensors, after } = await distillModel({ teacher, student, tokenIds, heldOut, backend });
 * await saveConverted("minilm-distilled", { ...student, tensors }, source);
 */
export async function distillModel(options: DistillOptions): Promise<DistillOutcome> {
  refuseUnknownOptions(WHO, options, Object.keys(optionNames));
  const { teacher, student, backend, seed = 0, part = "blocks", signal, pooling = "mean", statesWeight = 1 } = options;
  const { tokensPerBatch = 1024, learningRate = 3e-4, evalInterval = 25, patience = 8 } = options;
  const wanted = { layers: options.steps?.layers ?? 0, model: options.steps?.model ?? 500 };
  requireModel(teacher, WHO, "teacher");
  requireModel(student, WHO, "student");
  checkPair(teacher.config, student.config);
  checkTensors(student.config, student.tensors, `${WHO}, student`);
  const { config } = student;
  const longest = Math.min(longestSequence(teacher.config).length, longestSequence(config).length);
  const packing = {
    tokensPerBatch,
    maxSeqLen: Math.min(options.maxSeqLen ?? LONGEST, longest),
    bucketStep: BUCKET_STEP,
    padId: config.padId,
  };
  checkTexts(options, packing);
  const batches = distillTraining({ ...packing, tokenIds: options.tokenIds, seed });
  const validation = distillEvaluation({ ...packing, tokenIds: options.heldOut });
  const trained = distilledNames(config, part);
  const execution = (stage: DistillStage) =>
    createDistillExecution(config, backend, { teacher, stage, trained, pooling, statesWeight });
  const before = await distanceBefore();
  let best = { tensors: student.tensors, distance: before };
  const steps = { layers: 0, model: 0 };
  let interrupted = false;
  for (const stage of distillStages) {
    if (wanted[stage] === 0 || interrupted) continue;
    const done = steps.layers;
    await using graphs = execution(stage);
    const outcome = await train({
      config,
      training: trainingConfig({
        seed,
        steps: wanted[stage],
        tokensPerBatch,
        learningRate,
        evalInterval: Math.min(evalInterval, wanted[stage]),
        patience,
        // Weights are to be near the teacher's, not near 0; and they fit the projections that they have.
        weightDecay: 0,
        redrawInterval: 0,
        checkpointInterval: wanted[stage],
      }),
      backend,
      execution: graphs,
      trained,
      batches: { batchAt: (step) => batches.batchAt(done + step) },
      validation,
      initial: stateFrom(config, { ...best.tensors }, "none", trained),
      ...(signal && { signal }),
      onStep: (progress) => options.onStep?.(stage, progress),
      onEvaluation: (step, { lossNats }) => options.onEvaluation?.(stage, done + step, lossNats),
    });
    const { step, model, optimizer, trainerState } = outcome.state;
    steps[stage] = step;
    ({ interrupted } = outcome);
    const distance = trainerState.best?.lossNats ?? Number.POSITIVE_INFINITY;
    if (distance < best.distance) best = { tensors: { ...model, ...renamed(optimizer, "best.", "") }, distance };
  }
  return { tensors: best.tensors, before, after: best.distance, steps, interrupted };

  async function distanceBefore(): Promise<number> {
    await using evaluator = evaluatorWith(execution("model"));
    return (await evaluator.evaluate(student.tensors, validation)).lossNats;
  }
}

/** @throws ConfigError for texts that do not fill a batch, and for none that are held out */
function checkTexts(
  { tokenIds, heldOut }: DistillOptions,
  { tokensPerBatch, maxSeqLen }: { readonly tokensPerBatch: number; readonly maxSeqLen: number },
): void {
  const tokens = tokenIds.reduce((sum, { length }) => sum + Math.min(length, maxSeqLen), 0);
  if (tokens < tokensPerBatch) {
    throw new ConfigError(
      problem`${WHO}: the texts must fill a batch of ${tokensPerBatch} tokens, got ${tokens} in ${tokenIds.length}; give
      more, or a smaller tokensPerBatch`,
    );
  }
  if (heldOut.length === 0) {
    throw new ConfigError(
      problem`${WHO}: heldOut must hold a text that tells the best weights, got none; hold one out`,
    );
  }
}
