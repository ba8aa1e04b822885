/** Predictions of models of any architecture. */
import { GraphError, problem } from "../graph/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sequenceToSequenceLogits } from "./encoder-decoder.ts";
import { logits, type ForwardOptions, type ModelTensors } from "./performer.ts";

/** The inputs of a model. */
export interface ModelInputs {
  /** `[B, L]` int32. */
  readonly inputIds: Tensor;
  /** `[B, S]` int32: what the encoder of an encoder–decoder reads. */
  readonly sourceIds?: Tensor | undefined;
}

/** Logits, or the numbers of a regression, `[B, T, …]`: T is L, or 1 where there is one prediction a sequence. */
export function predictions(model: ModelTensors, inputs: ModelInputs, options: ForwardOptions = {}): Tensor {
  const { inputIds, sourceIds } = inputs;
  if (model.config.architecture !== "encoder-decoder") return logits(model, inputIds, options);
  if (sourceIds === undefined)
    throw new GraphError(
      problem`predictions: an encoder–decoder must have sourceIds, got none; feed the source's tokens`,
    );
  return sequenceToSequenceLogits(model, { inputIds, sourceIds }, options);
}
