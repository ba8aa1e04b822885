/** The causal Performer language model: pre-LayerNorm blocks over any attention mechanism. */
import type { AttentionMechanism, AttentionState, ExecutionForm } from "../attention/mechanism.ts";
import { mechanisms } from "../attention/mechanisms.ts";
import { GraphError } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { matmul } from "../ops/matmul.ts";
import { constant } from "../ops/source.ts";
import { applyBlock, blockBranches, enterStream, leaveStream, type Attend, type Branches } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import { applyNorm, rotaryAngles, type RotaryAngles } from "./layers.ts";
import { projectionName, type Named, type Parameters } from "./parameters.ts";

/** Where the tokens stand, in the form that the configuration's position encoding reads. */
export interface Positions {
  /** `[L]` int32, for learned positions. */
  readonly ids?: Tensor;
  /** For rotary positions. */
  readonly angles?: RotaryAngles<Tensor>;
}

export interface ForwardOptions {
  /** Applied to the embedding and to what each layer adds, in training. Default: nothing is dropped. */
  readonly dropout?: (x: Tensor) => Tensor;
  /** Default `fastest`. */
  readonly form?: ExecutionForm;
  /** Takes the place of the configuration's mechanism, in every layer. */
  readonly mechanism?: AttentionMechanism;
  /** Told each layer's queries, keys and values `[B, H, L, D]` as the mechanism sees them, after the position encoding. */
  readonly observe?: (layer: number, attention: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor }) => void;
}

/** Everything that stays the same from token to token. */
export interface ModelTensors {
  readonly config: ModelConfig;
  readonly parameters: Parameters<Tensor>;
  readonly projections: Named<Tensor>;
}

/** The positions 0 … length − 1 as constants of the graph. */
export function constantPositions(config: ModelConfig, length: number): Positions {
  const positions = Array.from({ length }, (_, index) => index);
  if (config.positions === "learned") return { ids: constant(ndarray(Int32Array.from(positions), [length])) };
  const { cos, sin } = rotaryAngles(positions, config.modelDim / config.numHeads);
  return { angles: { cos: constant(cos), sin: constant(sin) } };
}

/**
 * Logits of the next token at every position.
 *
 * @param tokenIds `[B, L]` int32; padding at the end needs no mask, for no earlier token sees it
 * @returns `[B, L, vocabSize]`
 */
export function logits(model: ModelTensors, tokenIds: Tensor, options: ForwardOptions = {}): Tensor {
  const { config } = model;
  const positions = constantPositions(config, tokenIds.shape[1] ?? 0);
  return scope("performer", () => {
    let stream = enterStream(config, embed(model, tokenIds, positions, options));
    model.parameters.blocks.forEach((_, layer) => {
      stream = scope(`blocks.${layer}`, () => applyBlock(branchesOf(model, layer, positions, options), stream));
    });
    return output(model, leaveStream(stream));
  });
}

/** A layer's branches, with attention over the whole sequence. */
export function branchesOf(
  model: ModelTensors,
  layer: number,
  positions: Positions,
  options: ForwardOptions,
): Branches {
  const { config, projections } = model;
  const mechanism = options.mechanism ?? mechanisms[config.mechanism];
  return branchesWith(model, layer, positions, options, (q, k, v) => {
    options.observe?.(layer, { q, k, v });
    const projection = projections[projectionName(layer)];
    return mechanism.apply(q, k, v, {
      causal: true,
      ...(projection && { projection }),
      ...(options.form && { form: options.form }),
    });
  });
}

function branchesWith(
  { config, parameters }: ModelTensors,
  layer: number,
  { angles }: Positions,
  { dropout, form }: ForwardOptions,
  attend: Attend,
): Branches {
  const block = parameters.blocks[layer];
  if (block === undefined) throw new GraphError(`performer: layer ${layer} must be one of ${config.numLayers}`);
  return blockBranches(config, block, attend, { angles, dropout, form });
}

/** `[B, L]` int32 → `[B, L, modelDim]`: what the first block reads. */
export function embed(
  { parameters }: ModelTensors,
  tokenIds: Tensor,
  { ids }: Positions,
  { dropout = (x) => x }: Pick<ForwardOptions, "dropout"> = {},
): Tensor {
  return scope("embedding", () => {
    const tokens = gather(parameters.tokenEmbedding.weight, tokenIds);
    if (parameters.positionEmbedding === undefined || ids === undefined) return dropout(tokens);
    return dropout(add(tokens, gather(parameters.positionEmbedding.weight, ids)));
  });
}

/** Logits `[…, vocabSize]` from what the last block leaves, `[…, modelDim]`. */
export function output({ config, parameters }: ModelTensors, x: Tensor): Tensor {
  return scope("output", () => {
    const weight = parameters.head?.weight ?? parameters.tokenEmbedding.weight;
    return matmul(applyNorm(x, parameters.finalNorm, config.layerNormEpsilon), weight, { transposeB: true });
  });
}

/**
 * Logits over a part of a sequence, with the states of all layers in and out: one token costs the same at any position, and long
 * sequences can be read part by part, with gradients through the states.
 *
 * @param tokenIds `[B, L]` int32
 * @param states one for each layer, behind what came before
 * @returns logits `[B, L, vocabSize]` and the next states
 * @throws GraphError when the mechanism has no recurrent form
 */
export function logitsOfPart(
  model: ModelTensors,
  tokenIds: Tensor,
  positions: Positions,
  states: readonly AttentionState[],
  options: Pick<ForwardOptions, "dropout"> = {},
): { readonly logits: Tensor; readonly states: readonly AttentionState[] } {
  const { config, projections } = model;
  const { recurrent }: AttentionMechanism = mechanisms[config.mechanism];
  if (recurrent === undefined) {
    throw new GraphError(`logitsOfPart: the mechanism must have a recurrent form, got '${config.mechanism}'`);
  }
  const advance = tokenIds.shape[1] === 1 ? recurrent.step : recurrent.extend;
  const next: AttentionState[] = [];
  return scope("performer", () => {
    let stream = enterStream(config, embed(model, tokenIds, positions, options));
    model.parameters.blocks.forEach((_, layer) => {
      const attend: Attend = (q, k, v) => {
        const projection = projections[projectionName(layer)];
        const part = advance(q, k, v, states[layer] ?? {}, projection ? { projection } : {});
        next.push(part.state);
        return part.out;
      };
      stream = scope(`blocks.${layer}`, () =>
        applyBlock(branchesWith(model, layer, positions, options, attend), stream),
      );
    });
    return { logits: output(model, leaveStream(stream)), states: next };
  });
}
