/**
 * Encoder–decoders: an encoder reads one sequence, the source, and a decoder predicts another with attention to what
 * the encoder leaves: its next token, or as a pointer a position of the source.
 */
import type { AttentionState } from "../attention/mechanism.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { keysAndValues } from "./block.ts";
import { applyLinear } from "./layers.ts";
import { applyFinalNorm, output } from "./output.ts";
import { partOfStack } from "./parts.ts";
import {
  blockOf,
  runStack,
  siteTensors,
  stackParameters,
  tokenMask,
  type AttendAcross,
  type ForwardOptions,
  type ModelTensors,
} from "./performer.ts";
import { constantPositions, type Positions } from "./positions.ts";
import { crossAttention, encoderStack, outputStack } from "./stacks.ts";

/** Added to the logit of a position of padding: e to this is 0. */
const HIDDEN = -1e30;

/** All that a decoder needs to know of a source. */
export interface Source {
  /** `[B, S]` float32: 1 for tokens, 0 for padding. */
  readonly mask: Tensor;
  /** Keys and values of cross-attention for each layer, or the mechanism's summary of them. */
  readonly layers: readonly AttentionState[];
  /** `[B, S, modelDim]`: what pointers are compared with. */
  readonly pointerKeys?: Tensor | undefined;
}

export interface ReadSourceOptions extends ForwardOptions {
  /**
   * Sum keys and values up where the mechanism can, for queries that come one by one. Default false: for all queries at
   * once.
   */
  readonly summarise?: boolean;
}

/**
 * Reads a source.
 *
 * @param sourceIds `[B, S]` int32
 */
export function readSource(model: ModelTensors, sourceIds: Tensor, options: ReadSourceOptions = {}): Source {
  const { config, parameters } = model;
  const encoder = encoderStack(config);
  const decoder = outputStack(config);
  const mask = tokenMask(config, sourceIds);
  const positions = constantPositions(config, sourceIds.shape[1] ?? 0);
  const { form, summarise = false } = options;
  const memory = scope("encoder", () =>
    applyFinalNorm(
      config,
      stackParameters(model, encoder),
      runStack(model, encoder, sourceIds, { ...options, positions, mask }),
    ),
  );
  const layers = Array.from({ length: decoder.numLayers }, (_, layer) =>
    scope(`decoder/blocks.${layer}/cross`, () => {
      const site = crossAttention(decoder, layer);
      const { cross } = blockOf(model, decoder, layer);
      if (cross === undefined)
        throw new GraphError(problem`readSource: layer ${layer} must have cross-attention, got none`);
      const { k, v } = keysAndValues(config, cross, memory);
      const { summarised } = site.mechanism;
      if (!summarise || summarised === undefined) return { k, v };
      return summarised.summarise(k, v, { keyMask: mask, ...siteTensors(model, decoder, site), ...(form && { form }) });
    }),
  );
  const { pointer } = parameters;
  return { mask, layers, ...(pointer && { pointerKeys: scope("pointer", () => applyLinear(memory, pointer.key)) }) };
}

/** Cross-attention to a source, with the options that it was read with. */
function attendTo(model: ModelTensors, source: Source, { form, summarise }: ReadSourceOptions): AttendAcross {
  const decoder = outputStack(model.config);
  return (layer) => {
    const site = crossAttention(decoder, layer);
    const options = { ...siteTensors(model, decoder, site), ...(form && { form }) };
    const known = source.layers[layer] ?? {};
    const { apply, summarised } = site.mechanism;
    if (summarise === true && summarised !== undefined) return (q) => summarised.read(q, known, options);
    const { k, v } = known;
    if (!k || !v)
      throw new GraphError(problem`attendTo: layer ${layer} of a source must have keys and values, got none`);
    return (q) => apply(q, k, v, { causal: false, keyMask: source.mask, ...options });
  };
}

/**
 * Predictions behind every token of the target, from a whole source and a whole target.
 *
 * @param ids `sourceIds` `[B, S]` and `inputIds` `[B, T]`, int32
 * @returns `[B, T, vocabSize]`, or with a pointer `[B, T, S]`
 */
export function sequenceToSequenceLogits(
  model: ModelTensors,
  { sourceIds, inputIds }: { readonly sourceIds: Tensor; readonly inputIds: Tensor },
  options: ForwardOptions = {},
): Tensor {
  return scope("performer", () => targetLogits(model, readSource(model, sourceIds, options), inputIds, options));
}

/** Logits like those of `sequenceToSequenceLogits`, from a source that has been read. */
export function targetLogits(
  model: ModelTensors,
  source: Source,
  inputIds: Tensor,
  options: ReadSourceOptions = {},
): Tensor {
  const { config } = model;
  return scope("decoder", () => {
    const positions = constantPositions(config, inputIds.shape[1] ?? 0);
    const across = attendTo(model, source, options);
    return predict(model, source, runStack(model, outputStack(config), inputIds, { ...options, positions, across }));
  });
}

/**
 * Predictions behind a part of the target, with the states of the decoder's own attention in and out.
 *
 * @param states one for each layer, behind what came before
 */
export function targetLogitsOfPart(
  model: ModelTensors,
  source: Source,
  inputIds: Tensor,
  positions: Positions,
  states: readonly AttentionState[],
  options: Pick<ReadSourceOptions, "form" | "summarise"> = {},
): { readonly logits: Tensor; readonly states: readonly AttentionState[] } {
  return scope("decoder", () => {
    const across = attendTo(model, source, options);
    const { form } = options;
    const part = partOfStack(model, inputIds, positions, states, { across, ...(form && { form }) });
    return { logits: predict(model, source, part.x), states: part.states };
  });
}

/**
 * Tokens, or positions of the source: log p(s) ∝ query(x) · key(s) / √modelDim over all s that are no padding.
 *
 * Source of pointers: Vinyals et al., arXiv:1506.03134; with a scaled product as in Kool et al., arXiv:1803.08475,
 * where the original has vᵀ tanh(W₁e + W₂d), which takes modelDim numbers for every pair of positions.
 */
function predict(model: ModelTensors, { mask, pointerKeys }: Source, x: Tensor): Tensor {
  const { config, parameters } = model;
  const { pointer, decoder } = parameters;
  if (!pointer || !pointerKeys || !decoder) return output(model, x);
  return scope("pointer", () => {
    const query = applyLinear(applyFinalNorm(config, decoder, x), pointer.query);
    const scores = mul(matmul(query, pointerKeys, { transposeB: true }), 1 / Math.sqrt(config.modelDim));
    const [batch = 1, length = 1] = mask.shape;
    return add(scores, reshape(mul(sub(1, mask), HIDDEN), [batch, 1, length]));
  });
}
