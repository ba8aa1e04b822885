/** How a model is trained: every setting with its default and the reason. */
import * as z from "zod";
import { ConfigError, problem } from "../graph/errors.ts";
import { parseOptions } from "../graph/parse-options.ts";

const count = z.int().positive();
const share = z.number().min(0).max(1);

const schema = z.strictObject({
  /** Decides weights, projections, batches and masks. Default 0. */
  seed: z.int().min(0).default(0),
  /** Optimizer steps. Default 1000. */
  steps: count.default(1000),
  /** Tokens of a batch, padding included. Default 4096: enough rows for the matrix products to run at full rate. */
  tokensPerBatch: count.default(4096),
  /**
   * Longer sequences are trained and evaluated in parts of so many tokens, with exact gradients through the states that
   * attention carries from part to part: memory is that of one part, time a third more. Parts are not cut further by
   * gradientCheckpointing. Default 0: in one go.
   */
  segmentLength: z.int().min(0).default(0),
  /**
   * `blocks`: forward and backward go block by block, keeping one activation `[B, L, modelDim]` a layer, or none with a
   * reversible model, and computing the rest again: memory is that of one block, time a tenth to a quarter more, and
   * one compiled graph serves all layers. Default `none`: everything is kept, the fastest where it fits.
   */
  gradientCheckpointing: z.enum(["none", "blocks"]).default("none"),
  /** Lengths are rounded up to multiples of this. Default 64, the chunk of causal attention. */
  bucketStep: count.default(64),
  /** Peak learning rate. Default 1e-3, as in the paper's protein runs. */
  learningRate: z.number().positive().default(1e-3),
  /** After the warm-up: `cosine` down to finalLearningRateShare, or `constant`. Default cosine. */
  schedule: z.enum(["cosine", "constant"]).default("cosine"),
  /** Steps over which the learning rate rises linearly from 0. Default a tenth of the steps, at most 100. */
  warmupSteps: z.int().min(0).optional(),
  /** Share of the peak that the cosine ends at. Default 0.1, a common choice. */
  finalLearningRateShare: share.default(0.1),
  /** Decoupled weight decay, of matrices only: not of biases and norms. Default 0.1, as in the paper. */
  weightDecay: z.number().min(0).default(0.1),
  /** Default 0.9, as in the paper. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Default 0.98, as in the paper. */
  beta2: z.number().min(0).lt(1).default(0.98),
  /** Default 1e-9, as in the paper. */
  epsilon: z.number().positive().default(1e-9),
  /**
   * Largest global norm of the gradient; longer ones are shortened to it. Default 0.5, as in the paper; 0 never clips.
   */
  clipNorm: z.number().min(0).default(0.5),
  /** Share of the target's probability spread over the vocabulary. Default 0. */
  labelSmoothing: z.number().min(0).lt(1).default(0),
  /** Steps between redraws of the random projections. Default 1000, as in the paper's code; 0 never redraws. */
  redrawInterval: z.int().min(0).default(1000),
  /**
   * What stays as it is: `body`, all but the output layer; a number N, the embeddings and the first N layers. No
   * gradients are computed for it and no moments kept. Default `none`: all weights are trained.
   */
  freeze: z.union([z.enum(["none", "body"]), count]).default("none"),
  /**
   * Training ends after so many evaluations in a row without a lower validation loss, and then, as at the last step,
   * with the weights of the lowest one. Default 0: trains all steps and ends with the weights of the last.
   */
  patience: z.int().min(0).default(0),
  /** Steps between evaluations on the validation split. Default 200. */
  evalInterval: count.default(200),
  /** Steps between checkpoints; one is always written at the end. Default 500. */
  checkpointInterval: count.default(500),
  /** Steps between records of the training loss. Default 10. */
  logInterval: count.default(10),
});

export type TrainingOptions = z.input<typeof schema>;
export type TrainingConfig = Readonly<
  Omit<z.output<typeof schema>, "warmupSteps"> & {
    /** Steps in which the learning rate rises to its peak. */
    warmupSteps: number;
  }
>;

/** Names of all keys. */
export const trainingConfigKeys: readonly string[] = Object.keys(schema.shape);

/**
 * Fills in defaults.
 *
 * @throws ConfigError naming the key, the rule and what came
 */
export function trainingConfig(options: TrainingOptions = {}): TrainingConfig {
  const parsed = parseOptions("training", schema, options);
  const config = { ...parsed, warmupSteps: parsed.warmupSteps ?? Math.min(100, Math.floor(parsed.steps / 10)) };
  if (config.schedule === "cosine" && config.warmupSteps >= config.steps && config.steps > 1) {
    throw new ConfigError(
      problem`training: warmupSteps must be less than steps (${config.steps}), got ${config.warmupSteps}; a tenth of the
      steps is usual`,
    );
  }
  return config;
}
