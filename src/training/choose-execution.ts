/** The way of executing a run's steps that its settings ask for. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Backend } from "../runtime/backend.ts";
import type { ExecutionForm } from "../attention/mechanism.ts";
import { createBlockExecution, planBlocks } from "./blocks.ts";
import type { TrainingConfig } from "./config.ts";
import type { Execution, LossOptions } from "./execution.ts";
import { trainableNames } from "./freeze.ts";
import type { BatchShape } from "../data/batch.ts";
import type { GraphPlan } from "./graph-plan.ts";
import { createSegmentedExecution, planSegments } from "./segments.ts";
import { createWholeExecution, planWhole } from "./whole.ts";

/** The settings that decide how steps are executed; none changes what a step computes. */
export type ExecutionOptions = Pick<TrainingConfig, "segmentLength" | "gradientCheckpointing" | "labelSmoothing"> &
  Partial<Pick<TrainingConfig, "freeze">>;

/**
 * Sequences longer than `segmentLength` are cut along time; all others go block by block with `gradientCheckpointing:
 * "blocks"`, and in one go without.
 *
 * @throws ConfigError where sequences are to be cut, but the mechanism has no state or the device no loops; where an
 *   encoder–decoder is to go block by block; for label smoothing where there are no classes of equal standing; where
 *   nothing would be left to train
 */
export function createExecution(config: ModelConfig, backend: Backend, options: ExecutionOptions): Execution {
  checkExecution(config, options);
  const { segmentLength, gradientCheckpointing } = options;
  const loss = lossOptions(config, options);
  const uncut =
    gradientCheckpointing === "blocks"
      ? createBlockExecution(config, backend, loss)
      : createWholeExecution(config, backend, loss);
  if (segmentLength === 0) return uncut;
  const cut = createSegmentedExecution(config, backend, { ...loss, segmentLength });
  const executionOf = ({ seqLen }: BatchShape) => (seqLen > segmentLength ? cut : uncut);
  return {
    prepare: (shape) => executionOf(shape).prepare(shape),
    step: (tensors, batch, masks) => executionOf(batch).step(tensors, batch, masks),
    evaluate: (tensors, batch) => executionOf(batch).evaluate(tensors, batch),
    [Symbol.asyncDispose]: async () => {
      await cut[Symbol.asyncDispose]();
      await uncut[Symbol.asyncDispose]();
    },
  };
}

function lossOptions({ dropout }: ModelConfig, { labelSmoothing, freeze = "none" }: ExecutionOptions): LossOptions {
  return { dropout, labelSmoothing, freeze };
}

function checkExecution(config: ModelConfig, options: ExecutionOptions): void {
  const { architecture, head } = config;
  trainableNames(config, options.freeze);
  if (options.gradientCheckpointing === "blocks" && architecture === "encoder-decoder") {
    throw new ConfigError(
      problem`training: gradientCheckpointing 'blocks' must come with one stack of blocks, got architecture
      'encoder-decoder'; use 'none', with a smaller tokensPerBatch where memory is short`,
    );
  }
  if (head === "none") {
    throw new ConfigError(
      problem`training: the model must have a head, got 'none', of a pretrained body; put one on it with withFreshHead`,
    );
  }
  if (options.labelSmoothing > 0 && (head === "regression" || head === "pointer")) {
    const reason = head === "regression" ? "which has no classes" : "some of whose positions are padding";
    throw new ConfigError(
      problem`training: labelSmoothing must be 0 with head '${head}', ${reason}, got ${options.labelSmoothing}; leave it
      out`,
    );
  }
}

/** The graphs that this execution compiles. */
export function planGraphs(config: ModelConfig, form: ExecutionForm, options: ExecutionOptions): GraphPlan {
  const { segmentLength, gradientCheckpointing } = options;
  const loss = lossOptions(config, options);
  const uncut =
    gradientCheckpointing === "blocks" ? planBlocks(config, { ...loss, form }) : planWhole({ ...loss, form });
  if (segmentLength === 0) return uncut;
  const cut = planSegments({ ...loss, segmentLength });
  const planOf = ({ seqLen }: BatchShape) => (seqLen > segmentLength ? cut : uncut);
  return {
    training: (shape) => planOf(shape).training(shape),
    evaluation: (shape) => planOf(shape).evaluation(shape),
  };
}
