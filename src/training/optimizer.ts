/**
 * AdamW over typed arrays. On the CPU a plain loop is as fast as in the graph, and the graph compiles faster without
 * it.
 */
import type { NdArray } from "../graph/ndarray.ts";
import { zerosLike, type Named } from "../model/parameters.ts";

export interface AdamWSettings {
  /** The learning rate of this step. */
  readonly learningRate: number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** Decay of the second moment. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Decoupled weight decay a step, times the learning rate. */
  readonly weightDecay: number;
}

/** First and second moments of every parameter. */
export interface Moments {
  readonly first: Named<NdArray>;
  readonly second: Named<NdArray>;
}

export function initialMoments(parameters: Named<NdArray>): Moments {
  return { first: zerosLike(parameters), second: zerosLike(parameters) };
}

/** Euclidean norm over all gradients together. */
export function globalNorm(gradients: Named<NdArray>): number {
  let total = 0;
  for (const { data } of Object.values(gradients)) total += sumOfSquares(asFloat32(data));
  return Math.sqrt(total);
}

function sumOfSquares(data: Float32Array): number {
  let total = 0;
  for (let i = 0; i < data.length; i++) total += (data[i] ?? 0) ** 2;
  return total;
}

/**
 * One AdamW update, in place.
 *
 *   m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  p ← p − lr·(m̂ / (√v̂ + ε) + decay·p)
 *
 * Decay applies to matrices only: a bias or a norm's scale has no reason to be near 0.
 *
 * @param update number of this update, from 1
 * @param gradientScale multiplies every gradient: how clipping enters
 * Source: Loshchilov and Hutter, arXiv:1711.05101.
 */
export function adamW(
  parameters: Named<NdArray>,
  gradients: Named<NdArray>,
  moments: Moments,
  update: number,
  gradientScale: number,
  settings: AdamWSettings,
): void {
  for (const [name, { data, shape }] of Object.entries(parameters)) {
    const [gradient, first, second] = [gradients[name], moments.first[name], moments.second[name]];
    if (!gradient || !first || !second) throw new TypeError(`adamW: '${name}' must have a gradient and two moments`);
    updateArray(
      asFloat32(data),
      asFloat32(gradient.data),
      asFloat32(first.data),
      asFloat32(second.data),
      gradientScale,
      {
        ...settings,
        weightDecay: shape.length >= 2 ? settings.weightDecay : 0,
        firstCorrection: 1 / (1 - settings.beta1 ** update),
        secondCorrection: 1 / (1 - settings.beta2 ** update),
      },
    );
  }
}

function updateArray(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  scale: number,
  settings: AdamWSettings & { readonly firstCorrection: number; readonly secondCorrection: number },
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay, firstCorrection, secondCorrection } = settings;
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  for (let i = 0; i < p.length; i++) {
    const gi = (g[i] ?? 0) * scale;
    const mi = beta1 * (m[i] ?? 0) + rest1 * gi;
    const vi = beta2 * (v[i] ?? 0) + rest2 * gi * gi;
    m[i] = mi;
    v[i] = vi;
    const pi = p[i] ?? 0;
    p[i] =
      pi - learningRate * ((mi * firstCorrection) / (Math.sqrt(vi * secondCorrection) + epsilon) + weightDecay * pi);
  }
}

/** Parameters, gradients and moments are float32 by construction of the graphs. */
function asFloat32(data: NdArray["data"]): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new TypeError("adamW: arrays must be Float32Array");
}
