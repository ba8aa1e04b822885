/**
 * Causal linear attention as a Scan over chunks, with a hand-derived backward pass.
 *
 * Notation: v′ = [v, 1]; key s has features φ̂_s and log scale c_s, so φ(k_s) = φ̂_s·exp(c_s); C_t = max_{s≤t} c_s.
 *
 *   U_t = Σ_{s≤t} (φ(q_t)·φ̂_s) · exp(c_s − C_t) · v′_s,   out_t = U_t's first columns over its last
 *
 * Every exponent is ≤ 0, and C_t depends on the past alone. The carried state is S = Σ_{s before the chunk} exp(c_s −
 * C) v′_s φ̂_sᵀ, `[E + 1, M]`, with its maximum C: held this way round, every product transposes the operand that has
 * few elements. Features are computed inside the body, forward and again backward, so none is ever kept for a whole
 * sequence. Feature maps without log scales (c = 0) take the same path without the exponentials, and so do others
 * wherever one constant serves all keys (`common-scale.ts`).
 *
 * Source: section 2.5 and appendix B.1 of arXiv:2009.14794 for the prefix sums; the running maximum and the backward
 * pass are ours.
 */
import { customGradient } from "../../autodiff/custom-gradient.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Tensor, Tensors } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { cond } from "../../ops/cond.ts";
import { add, exp, maximum, minimum, mul, sub } from "../../ops/elementwise.ts";
import { reshape } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { scan } from "../../ops/scan.ts";
import { concat, slice } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import { lowerTriangle } from "../../ops/triangle.ts";
import { COMMON_GUARD, commonScale, isOutOfReach, keysUnder } from "./common-scale.ts";
import { causalLog, fromChunks, maskToChunks, toChunks } from "./chunks.ts";
import type { FeatureMap } from "../feature-map.ts";
import { featureCount, queryFeatures, type SplitFeatures } from "./maps/features.ts";
import {
  DENOMINATOR_GUARD,
  gradientBy,
  keyGradient,
  LOG_ZERO,
  normalized,
  scaledKeys,
  sumsGradient,
  valueGradient,
  type Sequences,
} from "./normalized.ts";

/** Positions a step: the fastest measured for numFeatures 128 … 256 (docs/performance.md). */
export const CAUSAL_CHUNK = 64;

export interface LinearAttentionSpec {
  readonly map: FeatureMap;
  /** `[M, D]`, or `[H, M, D]` for heads with projections of their own. */
  readonly projection: Tensor;
  /** `[B, S]`: 1 for real keys. */
  readonly keyMask?: Tensor | undefined;
}

/** Logarithms of the scales in a chunk; absent for feature maps whose scales are all 1. */
interface LogScales {
  /** c_s, `[B, H, C, 1]`. */
  readonly keys: Tensor;
  /** C_t, `[B, H, C, 1]`. */
  readonly running: Tensor;
  /** C before the chunk and behind its last position, `[B, H, 1, 1]`. */
  readonly before: Tensor;
  readonly end: Tensor;
}

interface ChunkScales {
  /** `[B, H, C, C]`: exp(c_s − C_t), meaningless and perhaps infinite where s > t; undefined where all scales are 1. */
  readonly inside: Tensor | undefined;
  readonly log: LogScales | undefined;
}

export interface ChunkScalesOptions {
  /** C_t, where the forward pass has computed it. */
  readonly known?: Tensor | undefined;
  /**
   * Keep `inside` finite where s > t, for callers whose gradient is the walk through the ops, where 0 · ∞ would be NaN.
   * Default false: one pass less.
   */
  readonly finite?: boolean;
}

export function chunkScales(
  keys: SplitFeatures,
  before: Tensor | undefined,
  { known, finite = false }: ChunkScalesOptions = {},
): ChunkScales {
  const chunk = keys.features.shape.at(-2) ?? 1;
  const { logScale } = keys;
  if (logScale === undefined || before === undefined) return { inside: undefined, log: undefined };
  // The column c_s as a row; only its shape changes.
  const row = reshape(logScale, [...logScale.shape.slice(0, -2), 1, chunk]);
  const running = known ?? maximum(max(add(row, causalLog(chunk)), { axes: [-1], keepDims: true }), before);
  const end = slice(running, -2, chunk - 1, chunk);
  const exponent = sub(row, running);
  return { inside: exp(finite ? minimum(exponent, 0) : exponent), log: { keys: logScale, running, before, end } };
}

/** x · exp(exponent of the scales); x itself where all scales are 1. */
function rescaled(x: Tensor, { log }: ChunkScales, exponent: (log: LogScales) => Tensor): Tensor {
  return log === undefined ? x : mul(x, exp(exponent(log)));
}

/** Products of all pairs in a chunk, weighted: x_ts · exp(c_s − C_t) where s ≤ t, else 0. */
function causalWeights(products: Tensor, { inside }: ChunkScales): Tensor {
  // The triangle selects and does not multiply, so what stands ahead of the query may be infinite.
  return lowerTriangle(inside ? mul(products, inside) : products);
}

/** U of a chunk: `[B, H, C, E + 1]`. */
export function chunkSums(queries: Tensor, keys: Tensor, values: Tensor, state: Tensor, scales: ChunkScales): Tensor {
  const fromState = rescaled(matmul(queries, state, { transposeB: true }), scales, ({ before, running }) =>
    sub(before, running),
  );
  const weights = causalWeights(matmul(queries, keys, { transposeB: true }), scales);
  return add(fromState, matmul(weights, values));
}

/** The state behind the chunk: exp(C − C_end)·S + Σ_s exp(c_s − C_end) v′_s φ̂_sᵀ. */
function nextState(state: Tensor, keys: Tensor, values: Tensor, scales: ChunkScales): Tensor {
  const carried = rescaled(state, scales, ({ before, end }) => sub(before, end));
  const added = rescaled(values, scales, (log) => sub(log.keys, log.end));
  return add(carried, matmul(added, keys, { transposeA: true }));
}

/** Sequences in chunks, `[N, B, H, C, …]`. */
type Chunks = Sequences;

/** The values that the backward pass reuses: a few numbers per position, no features. */
interface Saved {
  readonly out: Tensor;
  /** 1 / denominator of every position. */
  readonly inverse: Tensor;
  /** C_t of every position; undefined for maps without log scales. */
  readonly running: Tensor | undefined;
}

/**
 * What a sequence leaves behind: Σ exp(c_s − C) v′_s φ̂_sᵀ `[B, H, E + 1, M]`, and C `[B, H, 1, 1]` for maps with log
 * scales.
 */
export interface CausalState {
  readonly S: Tensor;
  readonly C: Tensor | undefined;
}

/** q, k `[B, H, L, D]`, v `[B, H, L, E]` → `[B, H, L, E]`. */
export function causalScan(q: Tensor, k: Tensor, v: Tensor, spec: LinearAttentionSpec, chunk = CAUSAL_CHUNK): Tensor {
  const mask = spec.keyMask && maskToChunks(spec.keyMask, chunk);
  return scanFrom(emptyState(q, v, spec), q, k, v, mask, spec, chunk).out;
}

/**
 * Causal attention over a part of a sequence: from the state that what came before has left, to the state behind it.
 * Gradients flow through both, so parts joined in this way have the gradients of the whole.
 */
export function causalScanPart(
  state: CausalState,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  spec: LinearAttentionSpec,
  chunk = CAUSAL_CHUNK,
): { readonly out: Tensor; readonly state: CausalState } {
  const [batch = 0, , length = 0] = q.shape;
  // Zeros behind the end are no keys: a mask keeps them out of the state.
  const keyMask = spec.keyMask ?? (length % chunk === 0 ? undefined : full([batch, length], 1));
  return scanFrom(state, q, k, v, keyMask && maskToChunks(keyMask, chunk), spec, chunk);
}

function scanFrom(
  before: CausalState,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | undefined,
  spec: LinearAttentionSpec,
  chunk: number,
): { readonly out: Tensor; readonly state: CausalState } {
  // C is a scale that cancels, and so has no gradient.
  const { C } = before;
  const walks = walksOf(before, k, spec);
  const { out, S, end } = customGradient(
    { q: toChunks(q, chunk), k: toChunks(k, chunk), v: toChunks(v, chunk), S: before.S },
    (inputs) => walks({ ...inputs, C, mask }, (walk, given) => walk.forward(given)),
    ({ out: dOut, S: dS }, inputs, { out, inverse, running }) =>
      dOut || dS
        ? walks({ ...inputs, C, mask, out, inverse, running, dOut, dS }, (walk, given) => walk.backward(given))
        : {},
  );
  return { out: fromChunks(out, q.shape[2] ?? 0), state: { S, C: end } };
}

/** Chunks of queries, keys and values, and what stands before the first. */
interface WalkInputs extends Chunks, CausalState {
  readonly mask: Tensor | undefined;
}

interface BackwardInputs extends WalkInputs, Saved {
  readonly dOut: Tensor | undefined;
  readonly dS: Tensor | undefined;
}

type ForwardOutputs = Saved & { readonly S: Tensor; readonly end: Tensor | undefined };
type BackwardOutputs = Chunks & { readonly S: Tensor };

/** One way through the chunks. */
interface Walk {
  readonly forward: (inputs: WalkInputs) => ForwardOutputs;
  readonly backward: (inputs: BackwardInputs) => BackwardOutputs;
}

/** Runs the walk that the data allow: a graph of its own for each, of which the engine runs one. */
type ChooseWalk = <Inputs extends Tensors<Inputs>, Outputs extends Tensors<Outputs>>(
  inputs: Inputs,
  run: (walk: Walk, inputs: Inputs) => Outputs,
) => Outputs;

function walksOf(before: CausalState, k: Tensor, { map, projection, keyMask }: LinearAttentionSpec): ChooseWalk {
  const running = runningWalk(map, projection);
  const R = commonScale(map, projection);
  if (R === undefined) return (inputs, run) => run(running, inputs);
  const outOfReach = isOutOfReach(R, map, k, projection, keyMask, before.C);
  const common = commonWalk(map, projection, R);
  return (inputs, run) =>
    cond(
      outOfReach,
      inputs,
      (given) => run(running, given),
      (given) => run(common, given),
    );
}

/** Keys under their own maxima, and the running maximum C_t. */
function runningWalk(map: FeatureMap, projection: Tensor): Walk {
  const features: WalkFeatures = {
    queries: (q) => queryFeatures(map, q, projection),
    keys: (k, mask) => scaledKeys(map, k, projection, mask),
    guard: DENOMINATOR_GUARD,
  };
  return { forward: (inputs) => forward(inputs, features), backward: (inputs) => backward(inputs, features) };
}

/** All keys under one constant: the walk of a map without scales, between states that are rescaled once. */
function commonWalk(map: FeatureMap, projection: Tensor, R: Tensor): Walk {
  const features: WalkFeatures = {
    queries: (q) => queryFeatures(map, q, projection),
    keys: (k, mask) => ({ features: keysUnder(R, map, k, projection, mask), logScale: undefined }),
    guard: COMMON_GUARD,
  };
  const rescale = ({ C }: CausalState) => exp(sub(C ?? R, R));
  return {
    forward: (inputs) => {
      const found = forward({ ...inputs, S: mul(inputs.S, rescale(inputs)), C: undefined }, features);
      const everywhere = (shape: Shape) => add(full(shape, 0), R);
      return {
        ...found,
        running: everywhere(found.inverse.shape),
        end: everywhere([...found.S.shape.slice(0, 2), 1, 1]),
      };
    },
    backward: (inputs) => {
      const factor = rescale(inputs);
      const found = backward({ ...inputs, S: mul(inputs.S, factor), C: undefined, running: undefined }, features);
      return { ...found, S: mul(found.S, factor) };
    },
  };
}

/** How a walk makes features of a chunk. */
interface WalkFeatures {
  readonly queries: (q: Tensor) => Tensor;
  readonly keys: (k: Tensor, mask: Tensor | undefined) => SplitFeatures;
  /** Added to denominators. */
  readonly guard: number;
}

/** No key seen yet: S = 0 with its maximum at LOG_ZERO. */
function emptyState(q: Tensor, v: Tensor, { map, projection }: LinearAttentionSpec): CausalState {
  const [B = 0, H = 0] = q.shape;
  const S = full([B, H, (v.shape.at(-1) ?? 0) + 1, featureCount(map, projection)], 0);
  return { S, C: map.kind !== "plain" ? full([B, H, 1, 1], LOG_ZERO) : undefined };
}

function forward({ S, C, ...sequences }: WalkInputs, features: WalkFeatures): ForwardOutputs {
  const { carry, outputs } = scan({
    carry: { S, C },
    sequences,
    body: ({ S, C }, { q, k, v, mask }) => {
      const queries = features.queries(q);
      const keys = features.keys(k, mask);
      const values = withOnes(v);
      const scales = chunkScales(keys, C);
      const { out, inverse } = normalized(chunkSums(queries, keys.features, values, S, scales), features.guard);
      return {
        carry: { S: nextState(S, keys.features, values, scales), C: scales.log?.end },
        outputs: { out, inverse, running: scales.log?.running },
      };
    },
  });
  return { ...outputs, S: carry.S, end: carry.C };
}

/**
 * With dU = [dOut, −dOut·out] / denominator, weights w_ts = exp(c_s − C_t) for s ≤ t and G = Σ_{t behind} exp(C_end −
 * C_t) dU_t φ(q_t)ᵀ:
 *
 *   dφ(q_t) = Σ_s w_ts (dU_t·v′_s) φ̂_s,   dφ̂_s = Σ_t w_ts (dU_t·v′_s) φ(q_t),   dv′_s = Σ_t w_ts (φ(q_t)·φ̂_s) dU_t
 *
 * The sums over earlier keys come from S in a second walk forward, those over later queries from G in a walk backward.
 */
function backward(
  {
    S: initial,
    C: initialC,
    q,
    k,
    v,
    mask,
    running,
    out,
    inverse,
    dOut = full(out.shape, 0),
    dS = full(initial.shape, 0),
  }: BackwardInputs,
  features: WalkFeatures,
): BackwardOutputs {
  const chunks = { q, k, v, mask, running };
  const before = running && initialC && maximumBefore(running, initialC);
  const { dq, dU } = scan({
    carry: { S: initial, C: initialC },
    sequences: { ...chunks, out, inverse, dOut },
    body: ({ S, C }, { q, k, v, mask, running, out, inverse, dOut }) => {
      const queries = features.queries(q);
      const keys = features.keys(k, mask);
      const values = withOnes(v);
      const scales = chunkScales(keys, C, { known: running });
      const dU = sumsGradient(dOut, out, inverse);
      const weights = causalWeights(matmul(dU, values, { transposeB: true }), scales);
      const fromState = rescaled(dU, scales, (log) => sub(log.before, log.running));
      const dQueries = add(matmul(fromState, S), matmul(weights, keys.features));
      const dq = gradientBy(q, [queries], [dQueries]);
      return {
        carry: { S: nextState(S, keys.features, values, scales), C: scales.log?.end },
        outputs: { dq, dU },
      };
    },
  }).outputs;
  const {
    carry: { G },
    outputs: { dk, dv },
  } = scan({
    // What follows asks of the last state: the gradient of later queries by it.
    carry: { G: dS },
    sequences: { ...chunks, before, dU },
    reverse: true,
    body: ({ G }, { q, k, v, mask, running, before, dU }) => {
      const queries = features.queries(q);
      const keys = features.keys(k, mask);
      const values = withOnes(v);
      const scales = chunkScales(keys, before, { known: running });
      const toEnd = (x: Tensor) => rescaled(x, scales, (log) => sub(log.keys, log.end));
      const weights = causalWeights(matmul(queries, keys.features, { transposeB: true }), scales);
      const dWeights = causalWeights(matmul(dU, values, { transposeB: true }), scales);
      const dKeys = add(matmul(dWeights, queries, { transposeA: true }), matmul(toEnd(values), G));
      const dValues = add(
        matmul(weights, dU, { transposeA: true }),
        toEnd(matmul(keys.features, G, { transposeB: true })),
      );
      const earlier = rescaled(dU, scales, (log) => sub(log.before, log.running));
      const carried = rescaled(G, scales, (log) => sub(log.before, log.end));
      return {
        carry: { G: add(carried, matmul(earlier, queries, { transposeA: true })) },
        outputs: { dk: keyGradient(keys, dKeys, k), dv: valueGradient(dValues) },
      };
    },
  });
  return { q: dq, k: dk, v: dv, S: G };
}

/** C before every chunk: what ran up to the end of the one before, `[N, B, H, C, 1]` → `[N, B, H, 1, 1]`. */
function maximumBefore(running: Tensor, initial: Tensor): Tensor {
  const [numChunks = 1] = running.shape;
  const first = reshape(initial, [1, ...initial.shape]);
  if (numChunks === 1) return first;
  const ends = slice(running, 3, (running.shape[3] ?? 1) - 1, running.shape[3] ?? 1);
  return concat([first, slice(ends, 0, 0, numChunks - 1)], 0);
}
