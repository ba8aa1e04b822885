/**
 * Queries and keys that random features estimate well, for the same exact attention.
 *
 * Softmax attention knows q·k alone, and of that nothing that all keys of a query share. So A q and A⁻ᵀ k − c in the place of q and k
 * leave it as it is, for any invertible A and any c, and both can be written into the weights of a layer. The variance of positive
 * features grows with exp ‖q + k‖². Here
 *
 *     A and c make the mean of ‖A q + A⁻ᵀ k − c‖² over pairs the least:  AᵀA Σ_q AᵀA = Σ_k,  c = mean of A q + A⁻ᵀ k
 *
 * with Σ the covariances of a head's queries and keys on examples: AᵀA is the geometric mean of Σ_q⁻¹ and Σ_k.
 *
 * Source: FAVOR# (arXiv:2302.00787) rescales each dimension by what a sequence holds; here the change is of the whole basis, with a shift,
 * and made once, so that it costs nothing later and is causal.
 */
import { ConfigError } from "../attention/parse-options.ts";
import { ndarray, toFloat32, type NdArray } from "../graph/ndarray.ts";
import { observeAttention, type ObserveOptions } from "../inference/observe.ts";
import { outputStack, selfAttention } from "../model/stacks.ts";
import { at, eigen, matrix, product, spectral, type Matrix } from "./matrices.ts";
import { ofOneLength } from "./one-length.ts";

export interface CalibrateOptions extends ObserveOptions {
  /** Examples of what the model will read, of any lengths: the longest 32 are read, cut to one length. */
  readonly tokenIds: readonly ArrayLike<number>[];
  /** Numbers of the layers that change, from 0. Default: all. */
  readonly layers?: readonly number[];
}

const WHO = "calibrateAttention";
const SEQUENCES = 32;
/** Added to covariances, as a share of their mean variance: directions that the examples hardly know are left nearly alone. */
const SHRINKAGE = 1e-3;

/**
 * Weights of an equivalent model: with exact attention it computes the same (to rounding), and what takes attention's place by
 * random features comes nearer to it.
 *
 * @returns all tensors, those of queries and keys of the layers as new arrays
 * @throws ConfigError for rotary positions, which turn queries and keys behind the weights; for layers without exact attention; for
 *   fewer tokens than the width of a head
 *
 * @example
 * const tensors = await calibrateAttention({ ...model, tokenIds: texts.map((text) => model.encode(text).tokenIds), backend });
 * const converted = convertPretrained({ ...model, tensors }, { mechanism: "favor", seed: 0 });
 */
export async function calibrateAttention(options: CalibrateOptions): Promise<Record<string, NdArray>> {
  const { config, tensors, tokenIds, backend, layers } = options;
  if (config.positions === "rotary") {
    throw new ConfigError(
      `${WHO}: positions must be part of the states, got 'rotary', which turn queries and keys behind the weights; convert the model as it is`,
    );
  }
  const wanted = layers ?? Array.from({ length: config.numLayers }, (_, layer) => layer);
  const other = wanted.find((layer) => selfAttention(outputStack(config), layer).mechanism.name !== "exact");
  if (other !== undefined) {
    const { mechanism } = selfAttention(outputStack(config), other);
    throw new ConfigError(
      `${WHO}: attention must be exact, got '${mechanism.name}' in layer ${other}; leave that layer out, its weights fit its mechanism`,
    );
  }
  const chosen = ofOneLength(WHO, config, tokenIds, SEQUENCES);
  const count = chosen.length * (chosen[0]?.length ?? 0);
  if (count < config.headDim) {
    throw new ConfigError(
      `${WHO}: tokenIds must hold at least as many tokens as a head is wide, ${config.headDim}, got ${count}; give more texts, or longer ones`,
    );
  }
  const observed = await observeAttention({ config, tensors, tokenIds: chosen, backend });
  const changed: Record<string, NdArray> = { ...tensors };
  for (const layer of wanted) {
    const seen = observed[layer];
    if (seen === undefined) continue;
    const { name } = selfAttention(outputStack(config), layer);
    const query = weightsOf(tensors, `${name}.query`);
    const key = weightsOf(tensors, `${name}.key`);
    for (let head = 0; head < config.numHeads; head++) {
      const place = { first: head * config.headDim, size: config.headDim };
      const [q, k] = [moments(seen.q, place), moments(seen.k, place)];
      const { ofQueries, ofKeys } = balancing(q.covariance, k.covariance);
      change(query, ofQueries, place);
      change(key, ofKeys, place);
      const shift = Float64Array.from(q.mean, (_, row) => dot(ofQueries[row], q.mean) + dot(ofKeys[row], k.mean));
      shift.forEach((value, row) => (key.bias[place.first + row] = (key.bias[place.first + row] ?? 0) - value));
    }
    for (const [part, { weight, bias, width }] of [
      ["query", query],
      ["key", key],
    ] as const) {
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

/** Mean and covariance of a head over all tokens of `[B, L, numHeads · headDim]`. */
function moments({ data, shape }: NdArray, { first, size }: Place) {
  const width = shape.at(-1) ?? 1;
  const count = data.length / width;
  const tokens = matrix(count, size, (token, d) => Number(data[token * width + first + d]));
  const mean = Float64Array.from(
    { length: size },
    (_, d) => tokens.reduce((sum, token) => sum + (token[d] ?? 0), 0) / count,
  );
  const covariance = matrix(size, size, () => 0);
  for (const token of tokens) {
    const centred = token.map((value, d) => value - (mean[d] ?? 0));
    for (const [d, row] of covariance.entries()) {
      const factor = (centred[d] ?? 0) / count;
      for (let e = 0; e < size; e++) row[e] = (row[e] ?? 0) + factor * (centred[e] ?? 0);
    }
  }
  const meanVariance = covariance.reduce((sum, _, d) => sum + at(covariance, d, d), 0) / size;
  // A head that never changes has a covariance of 0, and is left alone.
  const added = meanVariance > 0 ? SHRINKAGE * meanVariance : 1;
  covariance.forEach((row, d) => (row[d] = (row[d] ?? 0) + added));
  return { mean, covariance };
}

/**
 * A and A⁻ᵀ that give queries and keys one covariance, Λ^½.
 *
 * With R = Σ_q^½ and R Σ_k R = V Λ Vᵀ: A = Λ^¼ Vᵀ R⁻¹, A⁻ᵀ = Λ^(-¼) Vᵀ R.
 */
function balancing(ofQ: Matrix, ofK: Matrix): { readonly ofQueries: Matrix; readonly ofKeys: Matrix } {
  const root = spectral(ofQ, Math.sqrt);
  const inverse = spectral(ofQ, (value) => 1 / Math.sqrt(value));
  const { values, vectors } = eigen(product(root, product(ofK, root)));
  const scaled = (power: number) =>
    vectors.map((vector, row) => vector.map((value) => value * (values[row] ?? Number.NaN) ** power));
  return { ofQueries: product(scaled(1 / 4), inverse), ofKeys: product(scaled(-1 / 4), root) };
}

/** A head's rows of weight and bias in another basis, in place. */
function change({ weight, bias, width }: Weights, basis: Matrix, { first, size }: Place): void {
  const rows = matrix(size, width, (row, column) => weight[(first + row) * width + column] ?? Number.NaN);
  product(basis, rows).forEach((row, index) => weight.set(row, (first + index) * width));
  const old = Float64Array.from(bias.subarray(first, first + size));
  basis.forEach((row, index) => (bias[first + index] = dot(row, old)));
}

function dot(a: Float64Array | undefined, b: Float64Array): number {
  return b.reduce((sum, value, index) => sum + value * (a?.[index] ?? Number.NaN), 0);
}
