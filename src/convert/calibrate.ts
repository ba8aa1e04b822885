/**
 * Queries and keys that random features estimate well, for the same exact attention.
 *
 * Softmax attention knows q·k alone, and of that nothing that all keys of a query share. So A q and A⁻ᵀ k − c in the
 * place of q and k leave it as it is, for any invertible A and any c, and both can be written into the weights of a
 * layer. The variance of positive features grows with exp ‖q + k‖². Here
 *
 *     A and c make the mean of ‖A q + A⁻ᵀ k − c‖² over pairs the least:  AᵀA Σ_q AᵀA = Σ_k,  c = mean of A q + A⁻ᵀ k
 *
 * with Σ the covariances of a head's queries and keys on examples: AᵀA is the geometric mean of Σ_q⁻¹ and Σ_k.
 *
 * Source: FAVOR# (arXiv:2302.00787) rescales each dimension by what a sequence holds; here the change is of the whole
 * basis, with a shift, and made once, so that it costs nothing later and is causal.
 */
import { ConfigError, problem } from "../graph/errors.ts";
import { ndarray, toFloat32, type NdArray } from "../graph/ndarray.ts";
import { observeAttention, type ObserveOptions } from "../inference/observe.ts";
import { chosenNumbers } from "../model/chosen-numbers.ts";
import { outputStack, selfAttention } from "../model/stacks.ts";
import { balanceHead, type HeadMap } from "./balanced-basis.ts";
import { ofOneLength } from "./one-length.ts";

export interface CalibrateOptions extends ObserveOptions {
  /** Examples of what the model will read, of any lengths: the longest 32 are read, cut to one length. */
  readonly tokenIds: readonly ArrayLike<number>[];
  /** Numbers of the layers that change, from 0. Default: all. */
  readonly layers?: readonly number[];
}

const WHO = "calibrateAttention";
const SEQUENCES = 32;

/**
 * Weights of an equivalent model: with exact attention it computes the same (to rounding), and what takes attention's
 * place by random features comes nearer to it.
 *
 * @returns all tensors, those of queries and keys of the layers as new arrays
 * @throws ConfigError for rotary positions, which turn queries and keys behind the weights; for layers that are not
 *   there, and for those whose attention is not exact over the tokens that it reads; for fewer tokens than the width of
 *   a head
 *
 * @example
 * const tensors = await calibrateAttention({ ...model, tokenIds: texts.map((text) => model.encode(text).tokenIds),
 * backend }); const converted = convertPretrained({ ...model, tensors }, { mechanism: "favor", seed: 0 });
 */
export async function calibrateAttention(options: CalibrateOptions): Promise<Record<string, NdArray>> {
  const { config, tensors, tokenIds, backend } = options;
  if (config.positions === "rotary") {
    throw new ConfigError(
      problem`${WHO}: positions must be part of the states, got 'rotary', which turn queries and keys behind the
      weights; convert the model as it is`,
    );
  }
  const layers = chosenNumbers(WHO, "layers", options.layers, config.numLayers);
  const other = layers.find((layer) => selfAttention(outputStack(config), layer).mechanism.basisFree !== true);
  if (other !== undefined) {
    const { mechanism } = selfAttention(outputStack(config), other);
    throw new ConfigError(
      problem`${WHO}: attention must know queries and keys by their products alone, got '${mechanism.name}' in layer
      ${other}; leave that layer out, its weights fit its mechanism`,
    );
  }
  const chosen = ofOneLength(WHO, config, tokenIds, SEQUENCES);
  const count = chosen.length * (chosen[0]?.length ?? 0);
  if (count < config.headDim) {
    throw new ConfigError(
      problem`${WHO}: tokenIds must hold at least as many tokens as a head is wide, ${config.headDim}, got ${count};
      give more texts, or longer ones`,
    );
  }
  const observed = await observeAttention({ config, tensors, tokenIds: chosen, backend });
  const changed: Record<string, NdArray> = { ...tensors };
  for (const layer of layers) {
    const seen = observed[layer];
    if (seen === undefined) continue;
    const { name } = selfAttention(outputStack(config), layer);
    const query = weightsOf(tensors, `${name}.query`);
    const key = weightsOf(tensors, `${name}.key`);
    for (let head = 0; head < config.numHeads; head++) {
      const place = { first: head * config.headDim, size: config.headDim };
      const balanced = balanceHead(
        { q: tokensOf(seen.q, place), k: tokensOf(seen.k, place) },
        { query: headOf(query, place), key: headOf(key, place) },
      );
      replaceHead(query, place, balanced.query);
      replaceHead(key, place, balanced.key);
    }
    for (const [part, { weight, bias, width }] of Object.entries({ query, key })) {
      changed[`${name}.${part}.weight`] = ndarray(weight, [bias.length, width]);
      changed[`${name}.${part}.bias`] = ndarray(bias, [bias.length]);
    }
  }
  return changed;
}

/** Where a head lies among the numbers of all. */
interface Place {
  readonly first: number;
  readonly size: number;
}

interface Weights {
  /** `[numHeads · headDim, width]`. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly width: number;
}

/** Copies, to be changed. */
function weightsOf(tensors: ObserveOptions["tensors"], name: string): Weights {
  const [weight, bias] = [tensors[`${name}.weight`], tensors[`${name}.bias`]];
  // observeAttention has checked that every weight is there.
  if (weight === undefined || bias === undefined) throw new RangeError(`${WHO}: '${name}' must be there, got nothing`);
  return { weight: toFloat32(weight).slice(), bias: toFloat32(bias).slice(), width: weight.shape[1] ?? 0 };
}

function headOf({ weight, bias, width }: Weights, { first, size }: Place): HeadMap {
  const rows = Array.from({ length: size }, (_, row) =>
    Array.from(weight.subarray((first + row) * width, (first + row + 1) * width)),
  );
  return { weight: rows, bias: Array.from(bias.subarray(first, first + size)) };
}

function replaceHead({ weight, bias, width }: Weights, { first }: Place, by: HeadMap): void {
  for (const [row, values] of by.weight.entries()) weight.set(values, (first + row) * width);
  bias.set(by.bias, first);
}

/** A head's tokens, `[B · L, headDim]`, of `[B, L, numHeads · headDim]`. */
function tokensOf({ data, shape }: NdArray, { first, size }: Place): number[][] {
  const width = shape.at(-1) ?? 1;
  return Array.from({ length: data.length / width }, (_, token) =>
    Array.from(data.subarray(token * width + first, token * width + first + size), Number),
  );
}
