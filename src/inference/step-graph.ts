/**
 * The graphs of decoding with a state of fixed size: one token of every sequence, and adding the full window of one to
 * its state.
 */
import type { WindowedForm, WindowedState } from "../attention/mechanism.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { applyBlock, blockBranches, enterStream, leaveStream } from "../model/block.ts";
import type { ModelConfig } from "../model/config.ts";
import { applyLinear } from "../model/layers.ts";
import { applyNorm } from "../model/norms.ts";
import { output } from "../model/output.ts";
import {
  layerPrefix,
  parameterShapes,
  projectionName,
  projectionShapes,
  toTree,
  type Named,
} from "../model/parameters.ts";
import { embed, type ModelTensors } from "../model/performer.ts";
import { isList, layerMechanism } from "../model/stacks.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { rotaryEmbedding } from "../ops/rotary-embedding.ts";
import { concat, split } from "../ops/slicing.ts";
import { constant, input } from "../ops/source.ts";

/** Tokens that wait beside the state before they are added to it: 16 … 64 are equally fast. */
export const DECODE_WINDOW = 32;

/** Widths of the arrays that sequences leave behind, for one head of one layer. */
export interface StateSizes {
  readonly L: number;
  readonly H: number;
  /** Features of a key. */
  readonly M: number;
  /** headDim + 1: a value and its ones column. */
  readonly E1: number;
  readonly W: number;
}

/**
 * The form that all layers can be decoded by in these graphs, if there is one: they know norms before branches, and one
 * mechanism.
 */
export function windowedForm(config: ModelConfig): WindowedForm | undefined {
  const { mechanism, normPlacement, tokenShift, positions } = config;
  if (isList(mechanism) || normPlacement !== "pre" || tokenShift) return undefined;
  if (positions !== "rotary" && positions !== "learned") return undefined;
  const { recurrent, parameters, sharesKeys } = layerMechanism(config, 0);
  return parameters === undefined && sharesKeys !== true ? recurrent?.windowed : undefined;
}

export function stateSizes({ headDim, numHeads, numLayers, numFeatures }: ModelConfig, form: WindowedForm): StateSizes {
  return { L: numLayers, H: numHeads, M: form.featuresOf(numFeatures, headDim), E1: headDim + 1, W: DECODE_WINDOW };
}

/** Weights and projections as constants of a graph. */
export function constantModel(config: ModelConfig, tensors: Named<NdArray>): ModelTensors {
  const pick = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (tensors[name] ? [[name, constant(tensors[name])]] : [])));
  return {
    config,
    parameters: toTree(config, pick(Object.keys(parameterShapes(config)))),
    projections: pick(Object.keys(projectionShapes(config))),
  };
}

/** The names of a layer's inputs. */
export function layerInputs(layer: number) {
  const prefix = `state.${layer}`;
  return { sums: `${prefix}.sums`, keys: `${prefix}.keys`, values: `${prefix}.values` } as const;
}

/**
 * One token of each of B sequences, every one at a position of its own.
 *
 * Inputs: `tokenIds` `[B]`; `position` `[B]` (learned), or `rotary.cos` and `rotary.sin` `[B, D / 2]`; of each layer
 * `sums` `[B, H, E + 1, M]`, `keys` `[B, H, W, M]`, `values` `[B, H, W, E + 1]`; `logScales` `[B, H, L, 1 + W]`.
 *
 * The stream is `[B, modelDim]`: an axis for the one token would cost two more nodes at every linear layer.
 *
 * @returns `logits` `[B, vocabSize]`, and `rows` `[B, H, 1, L · (M + E + 2)]`: of each layer the token's key, value and
 *   log scale
 */
export function stepOutputs(
  config: ModelConfig,
  form: WindowedForm,
  tensors: Named<NdArray>,
  batchSize: number,
): Record<"logits" | "rows", Tensor> {
  const B = batchSize;
  const { L, H, M, E1, W } = stateSizes(config, form);
  const D = E1 - 1;
  const model = constantModel(config, tensors);
  const learned = config.positions === "learned";
  const ids = learned ? { ids: input("position", [B], "int32") } : {};
  const angles = learned ? undefined : { cos: input("rotary.cos", [B, D / 2]), sin: input("rotary.sin", [B, D / 2]) };
  const logScales = split(input("logScales", [B, H, L, 1 + W]), 2, Array<number>(L).fill(1));
  const rows: Tensor[] = [];
  return scope("performer", () => {
    let stream = enterStream(config, embed(model, input("tokenIds", [B], "int32"), ids));
    model.parameters.blocks.forEach((block, layer) => {
      const names = layerInputs(layer);
      const state: WindowedState = {
        sums: input(names.sums, [B, H, E1, M]),
        keys: input(names.keys, [B, H, W, M]),
        values: input(names.values, [B, H, W, E1]),
        logScales: present(logScales[layer]),
      };
      const packed = packInputs(config, tensors, layer);
      const { mlp } = blockBranches(config, block, (q) => q, {});
      const attention = (x: Tensor) =>
        scope("attention", () => {
          const together = applyLinear(applyNorm(x, present(block.attentionNorm), config), packed);
          const [queriesAndKeys, value] = split(together, -1, [2 * H * D, H * E1]) as readonly [Tensor, Tensor]; // two parts
          const heads = angles
            ? rotaryEmbedding(queriesAndKeys, angles, 2 * H)
            : reshape(queriesAndKeys, [B, 2 * H, 1, D]);
          const projection = model.projections[projectionName(layer)];
          const { out, row } = form.attend(heads, reshape(value, [B, H, 1, E1]), projection, state);
          rows.push(row.key, row.value, row.logScale);
          return applyLinear(reshape(out, [B, H * D]), block.attention.output);
        });
      stream = scope(`blocks.${layer}`, () => applyBlock({ attention, mlp }, stream));
    });
    return {
      logits: output(model, leaveStream(stream)),
      rows: concat(rows, -1),
    };
  });
}

/**
 * The layers of query, key and value as one: `[2 · H · D + H · (D + 1), modelDim]`. Each head's value gets a row of
 * zeros with a bias of 1, which is its ones column.
 */
function packInputs({ modelDim, numHeads, headDim: D }: ModelConfig, tensors: Named<NdArray>, layer: number) {
  const width = numHeads * D;
  const rows = 2 * width + numHeads * (D + 1);
  const weight = new Float32Array(rows * modelDim);
  const bias = new Float32Array(rows);
  const of = (name: string, kind: "weight" | "bias") =>
    present(tensors[`${layerPrefix(layer)}attention.${name}.${kind}`]).data as Float32Array; // checkTensors: float32
  ["query", "key"].forEach((name, index) => {
    weight.set(of(name, "weight"), index * width * modelDim);
    bias.set(of(name, "bias"), index * width);
  });
  for (let head = 0; head < numHeads; head++) {
    const row = 2 * width + head * (D + 1);
    weight.set(of("value", "weight").subarray(head * D * modelDim, (head + 1) * D * modelDim), row * modelDim);
    bias.set(of("value", "bias").subarray(head * D, (head + 1) * D), row);
    bias[row + D] = 1;
  }
  return { weight: constant(ndarray(weight, [rows, modelDim])), bias: constant(ndarray(bias, [rows])) };
}

/**
 * The state of one sequence with its full window added: `next.sums` `[L, H, E + 1, M]`, `next.maximum` `[L, H, 1, 1]`.
 */
export function foldOutputs(config: ModelConfig, form: WindowedForm): Record<"next.sums" | "next.maximum", Tensor> {
  const { L, H, M, E1, W } = stateSizes(config, form);
  const scales = input("logScales", [H, L, 1 + W]);
  const folded = form.fold({
    sums: input("sums", [L, H, E1, M]),
    keys: input("keys", [L, H, W, M]),
    values: input("values", [L, H, W, E1]),
    logScales: reshape(transpose(scales, [1, 0, 2]), [L, H, 1, 1 + W]),
  });
  return { "next.sums": folded.sums, "next.maximum": folded.maximum };
}

function present<T>(value: T | undefined): T {
  if (value === undefined)
    throw new GraphError(problem`decode: every layer must have its weights and projection, got nothing`);
  return value;
}
