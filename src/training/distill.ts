/** Distillation as a way of executing training steps: the trainer's loop, with a teacher in the place of targets. */
import { ConfigError, problem } from "../graph/errors.ts";
import { formFor } from "../attention/mechanism.ts";
import { renamed } from "../graph/records.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes, type Named } from "../model/parameters.ts";
import { sameShape } from "../graph/shape.ts";
import { checkTensors } from "../model/tensors.ts";
import { feedsFor, type Backend } from "../runtime/backend.ts";
import {
  distillEvaluationOutputs,
  distillStepOutputs,
  TEACHER,
  type DistillGraphOptions,
  type DistillStage,
} from "./distill-graphs.ts";
import type { Batch } from "../data/batch.ts";
import { sumsOf } from "./evaluation-sums.ts";
import type { Execution } from "./execution.ts";
import { createGraphCache, planned } from "./graph-plan.ts";
import { batchFeeds, stepResultOf } from "./graphs.ts";

/** The parts of a student that can be trained: queries and keys, attention, or whole blocks. */
export const distilledParts = ["queries-keys", "attention", "blocks"] as const;
export type DistilledPart = (typeof distilledParts)[number];

export interface DistillExecutionOptions extends Omit<DistillGraphOptions, "teacher" | "form" | "statesWeight"> {
  readonly teacher: { readonly config: ModelConfig; readonly tensors: Named<NdArray> };
  readonly stage: DistillStage;
  readonly trained: readonly string[];
  /** The weight of the hidden states' loss. Default 1. */
  readonly statesWeight?: number;
}

/** The names of a part's weights, for any layer. */
const patterns = {
  "queries-keys": /^blocks\.\d+\.attention\.(query|key)\./,
  attention: /^blocks\.\d+\.attention\./,
  blocks: /^blocks\./,
} as const satisfies Record<DistilledPart, RegExp>;

/** Names of the weights of a part, in the model's order; embeddings and heads stay as the teacher has them. */
export function distilledNames(config: ModelConfig, part: DistilledPart): readonly string[] {
  return Object.keys(parameterShapes(config)).filter((name) => patterns[part].test(name));
}

/**
 * Refuses models whose states do not stand for each other's.
 *
 * @throws ConfigError naming the first size that differs
 */
export function checkPair(teacher: ModelConfig, student: ModelConfig): void {
  const who = "distill";
  for (const config of [teacher, student]) {
    if (config.architecture !== "encoder-decoder") continue;
    throw new ConfigError(
      problem`${who}: the models must have one stack of blocks, got architecture 'encoder-decoder'; use a decoder or an
      encoder`,
    );
  }
  const keys = ["architecture", "vocabSize", "modelDim", "numLayers", "padId"] as const;
  const other = keys.find((key) => teacher[key] !== student[key]);
  if (other !== undefined) {
    throw new ConfigError(
      problem`${who}: ${other} of the student must be the teacher's ${teacher[other]}, got ${student[other]}; use the
      folder that the student was converted from as its teacher`,
    );
  }
  const [wanted, found] = [parameterShapes(teacher), parameterShapes(student)];
  // Tables of positions may have become longer.
  const names = Object.keys(wanted).filter((name) => name.startsWith("blocks."));
  const name = names.find((each) => {
    const [one, two] = [wanted[each], found[each]];
    return one === undefined || two === undefined || !sameShape(one.shape, two.shape);
  });
  if (name !== undefined) {
    throw new ConfigError(
      problem`${who}: '${name}' of the student must have the shape of the teacher's; use the folder that the student was
      converted from as its teacher`,
    );
  }
  if (teacher.architecture === "decoder" && teacher.head !== "language-modeling") {
    throw new ConfigError(
      problem`${who}: a decoder must predict tokens, got head '${teacher.head}'; use one with its head`,
    );
  }
}

/**
 * Steps that bring a student nearer to its teacher, for `train`: of a batch only inputIds are read, and weights `[B,
 * L]`, which are 1 at tokens and 0 at padding.
 *
 * `lossNats` of a step is the loss of its stage; that of an evaluation is 1 − cosine of the vectors of an encoder, or
 * KL(teacher ‖ student) of a decoder.
 *
 * @param student its configuration; its weights come with each step
 * @throws ConfigError as `checkPair`
 */
export function createDistillExecution(
  student: ModelConfig,
  backend: Backend,
  { teacher, stage, trained, statesWeight = 1, ...rest }: DistillExecutionOptions,
): Execution {
  checkPair(teacher.config, student);
  checkTensors(teacher.config, teacher.tensors, "distill, teacher");
  const options = { ...rest, statesWeight, teacher: teacher.config, form: formFor(backend.device) };
  const graphs = {
    step: planned(`distill ${stage}`, (config, shape) => distillStepOutputs(config, shape, stage, trained, options)),
    evaluation: planned("distill evaluation", (config, shape) => distillEvaluationOutputs(config, shape, options)),
  };
  const cache = createGraphCache(student, backend);
  const taught = renamed(teacher.tensors, "", TEACHER);
  return {
    prepare: async (shape) => void (await cache.get(graphs.step(shape))),
    step: async (tensors, batch) => {
      const executable = await cache.get(graphs.step(batch));
      return stepResultOf(await executable.run(feedsFor(executable, { ...taught, ...tensors, ...batchFeeds(batch) })));
    },
    evaluate: async (tensors, batch) => {
      const executable = await cache.get(graphs.evaluation(batch));
      const results = await executable.run(feedsFor(executable, { ...taught, ...tensors, ...batchFeeds(batch) }));
      return sumsOf(results, { weights: student.architecture === "encoder" ? textWeights(batch) : batch.weights });
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}

/** `[B]`: 1 for rows that hold a token. */
function textWeights({ batchSize, seqLen, weights }: Batch): Float32Array {
  return Float32Array.from({ length: batchSize }, (_, row) =>
    Number(weights.subarray(row * seqLen, (row + 1) * seqLen).some((weight) => weight !== 0)),
  );
}
