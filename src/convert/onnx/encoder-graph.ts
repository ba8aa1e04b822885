/** The graph of an encoder as other programs feed it: token ids and a mask in, states or predictions out. */
import { blockLengthOf, commonBlocks } from "../../attention/whole-blocks.ts";
import { scope } from "../../graph/scope.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ModelConfig } from "../../model/config.ts";
import { modelInputs } from "../../model/inputs.ts";
import { applyFinalNorm, applyHead, isPooled } from "../../model/output.ts";
import { runStack } from "../../model/performer.ts";
import { constantPositions, type Positions } from "../../model/positions.ts";
import { layerMechanisms, outputStack } from "../../model/stacks.ts";
import { cast } from "../../ops/compare.ts";
import { mul } from "../../ops/elementwise.ts";
import { reshape } from "../../ops/layout.ts";
import { concat, pad, slice } from "../../ops/slicing.ts";
import { full, input } from "../../ops/source.ts";

/** The output of an exported encoder: its hidden states, or its head's predictions. */
export const encoderOutputs = ["states", "predictions"] as const;
export type EncoderOutput = (typeof encoderOutputs)[number];

export interface EncoderGraphSizes {
  readonly batchSize: number;
  /** Tokens of a sequence, padding that the mask tells among them. */
  readonly length: number;
  /** The whole blocks that the graph pads them to. Default: it adds no padding. */
  readonly blocks?: { readonly count: number; readonly length: number } | undefined;
}

/**
 * `input_ids` and `attention_mask` `[B, L]` int64 → `last_hidden_state` `[B, L, modelDim]`, or `logits` `[B, L,
 * vocabSize]`, `[B, L, numLabels]` or, of a head for whole sequences, `[B, numLabels]`. Weights and projections are
 * inputs under their saved names.
 *
 * In the parallel form of attention, which has no loops: standard ops alone. The nodes are the same at any length, and
 * with `blocks` at any number of these, which is what lets one graph serve all lengths.
 */
export function encoderGraph(
  config: ModelConfig,
  output: EncoderOutput,
  { batchSize, length, blocks }: EncoderGraphSizes,
): Graph {
  const model = modelInputs(config);
  const given = (name: "input_ids" | "attention_mask") => input(name, [batchSize, length], "int64");
  const padded = blocks === undefined ? length : blocks.count * blocks.length;
  const tokenIds = paddedIds(cast(given("input_ids"), "int32"), padded, config);
  const mask = cast(given("attention_mask"), "float32");
  const positions = paddedPositions(config, length, padded);
  return scope("performer", () => {
    const states = runStack(model, outputStack(config), tokenIds, {
      form: "parallel",
      positions,
      mask: pad(mask, 1, 0, padded - length),
      blockLength: blocks?.length,
    });
    const normed = scope("output", () => applyFinalNorm(config, model.parameters, slice(states, 1, 0, length)));
    if (output === "states") return { outputs: { last_hidden_state: normed } };
    const logits = applyHead(model, normed, mask);
    return { outputs: { logits: isPooled(config) ? reshape(logits, [batchSize, -1]) : logits } };
  });
}

/** `[B, L]` → `[B, padded]`: models may also tell padding by its id. */
function paddedIds(tokenIds: Tensor, padded: number, { padId }: ModelConfig): Tensor {
  const [batchSize = 1, length = 1] = tokenIds.shape;
  if (padded === length) return tokenIds;
  return concat([tokenIds, full([batchSize, padded - length], padId, "int32")], 1);
}

/**
 * Tables may end within the last block: padding stands at their first place, so that the engine refuses only tokens
 * behind their end.
 */
function paddedPositions(config: ModelConfig, length: number, padded: number): Positions {
  const { ids, cells, ...others } = constantPositions(config, padded);
  if (padded === length) return { ...others, ...(ids && { ids }), ...(cells && { cells }) };
  const real = () => concat([full([length], 1, "int32"), full([padded - length], 0, "int32")], 0);
  return {
    ...others,
    ...(ids && { ids: mul(ids, real()) }),
    ...(cells && { cells: { rows: mul(cells.rows, real()), columns: mul(cells.columns, real()) } }),
  };
}

/**
 * The positions of the blocks that an encoder's sequences must be padded to for one graph to serve any length, 1 where
 * they need no padding; undefined where a layer's mechanism has none.
 */
export function encoderBlockLength(config: ModelConfig): number | undefined {
  const blocks = commonBlocks(layerMechanisms(config).map(({ wholeBlocks }) => wholeBlocks));
  return blocks && blockLengthOf(blocks);
}
