/** The causal Performer language model: pre-LayerNorm blocks over any attention mechanism. */
import type { AttentionMechanism, AttentionState, ExecutionForm } from "../attention/mechanism.ts";
import { mechanisms } from "../attention/mechanisms.ts";
import { GraphError } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { transpose } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { constant } from "../ops/source.ts";
import type { ModelConfig } from "./config.ts";
import {
  applyGelu,
  applyLinear,
  applyNorm,
  joinHeads,
  rotaryAngles,
  rotate,
  splitHeads,
  type RotaryAngles,
} from "./layers.ts";
import { projectionName, type Block, type Named, type Parameters } from "./parameters.ts";

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
  /** Default `scan`. */
  readonly form?: ExecutionForm;
  /** Told each layer's queries, keys and values `[B, H, L, D]` as the mechanism sees them, after the position encoding. */
  readonly observe?: (layer: number, attention: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor }) => void;
}

/** Everything that stays the same from token to token. */
export interface ModelTensors {
  readonly config: ModelConfig;
  readonly parameters: Parameters<Tensor>;
  readonly projections: Named<Tensor>;
}

/** Positions start … start + length − 1 as constants of the graph. */
function constantPositions(config: ModelConfig, length: number): Positions {
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
  const { config, projections } = model;
  const drop = options.dropout ?? ((x: Tensor) => x);
  const positions = constantPositions(config, tokenIds.shape[1] ?? 0);
  return scope("performer", () => {
    let x = drop(embed(model, tokenIds, positions));
    model.parameters.blocks.forEach((block, layer) => {
      x = scope(`blocks.${layer}`, () => {
        const attend = (q: Tensor, k: Tensor, v: Tensor) => {
          options.observe?.(layer, { q, k, v });
          const projection = projections[projectionName(layer)];
          return mechanisms[config.mechanism].apply(q, k, v, {
            causal: true,
            ...(projection && { projection }),
            ...(options.form && { form: options.form }),
          });
        };
        return applyBlock(config, block, x, positions, options, attend);
      });
    });
    return output(model, x);
  });
}

function embed({ parameters }: ModelTensors, tokenIds: Tensor, positions: Positions): Tensor {
  return scope("embedding", () => {
    const tokens = gather(parameters.tokenEmbedding.weight, tokenIds);
    if (parameters.positionEmbedding === undefined || positions.ids === undefined) return tokens;
    return add(tokens, gather(parameters.positionEmbedding.weight, positions.ids));
  });
}

type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** x + attention(norm(x)), then x + mlp(norm(x)). */
function applyBlock(
  config: ModelConfig,
  block: Block<Tensor>,
  x: Tensor,
  { angles }: Positions,
  { dropout: drop = (y) => y, form = "scan" }: ForwardOptions,
  attend: Attend,
): Tensor {
  const { numHeads, layerNormEpsilon } = config;
  const attended = scope("attention", () => {
    const { query, key, value, output } = block.attention;
    const normed = applyNorm(x, block.attentionNorm, layerNormEpsilon);
    const heads = (projection: typeof query) => splitHeads(applyLinear(normed, projection), numHeads);
    const positioned = (split: Tensor) => (angles ? rotate(split, angles) : split);
    const [q, k, v] = [positioned(heads(query)), positioned(heads(key)), heads(value)].map((split) =>
      transpose(split, [0, 2, 1, 3]),
    ) as [Tensor, Tensor, Tensor]; // as many as went in
    return add(x, drop(applyLinear(joinHeads(attend(q, k, v)), output)));
  });
  return scope("mlp", () => {
    const { up, down } = block.mlp;
    const hidden = applyGelu(applyLinear(applyNorm(attended, block.mlpNorm, layerNormEpsilon), up), form);
    return add(attended, drop(applyLinear(hidden, down)));
  });
}

function output({ config, parameters }: ModelTensors, x: Tensor): Tensor {
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
  const drop = options.dropout ?? ((x: Tensor) => x);
  const next: AttentionState[] = [];
  return scope("performer", () => {
    let x = drop(embed(model, tokenIds, positions));
    model.parameters.blocks.forEach((block, layer) => {
      x = scope(`blocks.${layer}`, () => {
        const attend = (q: Tensor, k: Tensor, v: Tensor) => {
          const projection = projections[projectionName(layer)];
          const part = advance(q, k, v, states[layer] ?? {}, projection ? { projection } : {});
          next.push(part.state);
          return part.out;
        };
        return applyBlock(config, block, x, positions, options, attend);
      });
    });
    return { logits: output(model, x), states: next };
  });
}
