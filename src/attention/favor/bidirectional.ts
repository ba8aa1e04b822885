/**
 * Bidirectional linear attention: two Scans over heads and their chunks, first the keys into one state, then the
 * queries through it.
 *
 *   S = Σ_s exp(−C) v′_s φ(k_s)ᵀ with C = the largest log feature of the head,
 *   out_t = normalised S φ(q_t),   v′ = [v, 1]
 *
 * A key's constant must be the same for all positions a query sees: here one running maximum for each (batch, head), so
 * padding and other heads do not touch it; wherever a constant known beforehand serves (`common-scale.ts`), that one.
 * Features live inside the bodies only, forward and backward.
 *
 * Source: section 2.2 of arXiv:2009.14794; the running maximum and the backward pass are ours.
 */
import { customGradient } from "../../autodiff/custom-gradient.ts";
import type { Tensor, TensorRecord, Tensors } from "../../graph/tensor.ts";
import { withOnes } from "../../ops/composed.ts";
import { cond } from "../../ops/cond.ts";
import { add, exp, maximum, minimum, mul, sub } from "../../ops/elementwise.ts";
import { mergeAxes, reshape, splitAxis } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { max } from "../../ops/maximum-along.ts";
import { expand } from "../../ops/reduce.ts";
import { scan } from "../../ops/scan.ts";
import { pad, slice } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import type { LinearAttentionSpec } from "./causal-scan.ts";
import { COMMON_GUARD, commonScale, isOutOfReach, keysUnder } from "./common-scale.ts";
import { paddedLength } from "./chunks.ts";
import type { FeatureMap } from "../feature-map.ts";
import { checked, featureCount, queryFeatures } from "./maps/features.ts";
import {
  DENOMINATOR_GUARD,
  gradientBy,
  LOG_ZERO,
  maskedScale,
  normalized,
  sumsGradient,
  type Sequences,
} from "./normalized.ts";

/** Positions a step: the fastest measured (docs/performance.md); one head at a time, for nothing is masked inside. */
const BIDIRECTIONAL_CHUNK = 1024;

interface Spec {
  readonly map: FeatureMap;
  /** The value for all heads. */
  readonly projection: Tensor;
  /** The constant of all keys, chosen before they are read; without it, the largest log feature so far. */
  readonly R?: Tensor | undefined;
  /** Added to denominators. */
  readonly guard: number;
}

/** One head after another, each in chunks: `[B·H, N, C, …]`. */
interface Heads extends Sequences, OwnOfHeads {
  readonly mask: Tensor | undefined;
}

/** The projections of heads with their own; undefined when one serves all. */
interface OwnOfHeads {
  /** `[B·H, M, D]`. */
  readonly own: Tensor | undefined;
  /** `[B·H, 1, 1]`: R of each. */
  readonly ownR: Tensor | undefined;
}

interface Saved {
  readonly out: Tensor;
  /** 1 / denominator of every position. */
  readonly inverse: Tensor;
  /** S and C of every head behind its last key. */
  readonly state: Tensor;
  readonly top: Tensor | undefined;
}

/** q `[B, H, L, D]`, k `[B, H, S, D]`, v `[B, H, S, E]` → `[B, H, L, E]`. */
export function bidirectionalScan(q: Tensor, k: Tensor, v: Tensor, spec: LinearAttentionSpec, chunk?: number): Tensor {
  const [batch = 0, heads = 0, numQueries = 0] = q.shape;
  const numKeys = k.shape[2] ?? 0;
  const [queryChunk, keyChunk] = [numQueries, numKeys].map((length) => chunkLength(length, chunk)) as [number, number];
  // Zeros behind the end are no keys: a mask takes them out.
  const keyMask = spec.keyMask ?? (numKeys % keyChunk === 0 ? undefined : full([batch, numKeys], 1));
  const mask = keyMask && maskOfHeads(keyMask, heads, keyChunk);
  const { map, projection } = spec;
  const own = perHead(projection, batch);
  const R = commonScale(map, projection);
  const running: Spec = { map, projection, guard: DENOMINATOR_GUARD };
  const common: Spec = { ...running, R, guard: COMMON_GUARD };
  const ownR = own && R && perHead(R, batch);
  const outOfReach = R && isOutOfReach(R, map, k, projection, keyMask, undefined);
  const choose = <Inputs extends Tensors<Inputs>, Outputs extends Tensors<Outputs>>(
    inputs: Inputs,
    run: (spec: Spec, inputs: Inputs) => Outputs,
  ) =>
    outOfReach === undefined
      ? run(running, inputs)
      : cond(
          outOfReach,
          inputs,
          (given) => run(running, given),
          (given) => run(common, given),
        );
  const { out } = customGradient(
    { q: toHeads(q, queryChunk), k: toHeads(k, keyChunk), v: toHeads(v, keyChunk) },
    (inputs) => choose({ ...inputs, mask, own, ownR }, (spec, given) => forward(given, spec)),
    ({ out: dOut }, inputs, saved) =>
      dOut ? choose({ ...inputs, mask, own, ownR, ...saved, dOut }, (spec, given) => backward(given, spec)) : {},
  );
  const joined = reshape(out, [batch, heads, -1, v.shape.at(-1) ?? 0]);
  return slice(joined, 2, 0, numQueries);
}

/**
 * What keys leave behind: Σ_s exp(c_s − C) v′_s φ̂_sᵀ of every head, `[B, H, E + 1, M]`, with C the largest scale of
 * the head.
 */
export function keySumsScan(k: Tensor, v: Tensor, spec: LinearAttentionSpec): Tensor {
  const [batch = 0, heads = 0, length = 0] = k.shape;
  const chunk = chunkLength(length);
  const keyMask = spec.keyMask ?? (length % chunk === 0 ? undefined : full([batch, length], 1));
  const { map, projection } = spec;
  const ofHead = {
    mask: keyMask && maskOfHeads(keyMask, heads, chunk),
    own: perHead(projection, batch),
    ownR: undefined,
  };
  const running: Spec = { map, projection, guard: DENOMINATOR_GUARD };
  const { outputs } = scan({
    carry: {},
    sequences: { k: toHeads(k, chunk), v: toHeads(v, chunk), ...ofHead },
    body: (_, head) => ({ carry: {}, outputs: { state: stateOfHead(head, running).state } }),
  });
  return splitAxis(outputs.state, 0, batch);
}

/** Short sequences are one chunk; long ones are cut evenly, so that little is padded. */
function chunkLength(length: number, chunk = BIDIRECTIONAL_CHUNK): number {
  return Math.ceil(length / Math.ceil(length / chunk));
}

/** `[B, H, L, D]` → `[B·H, N, C, D]`: no element moves. */
function toHeads(x: Tensor, chunk: number): Tensor {
  const length = x.shape[2] ?? 0;
  const padded = paddedLength(length, chunk);
  return mergeAxes(splitAxis(pad(x, 2, 0, padded - length), 2, padded / chunk), 0);
}

/** `[B, S]` → `[B·H, N, C, 1]`. */
function maskOfHeads(mask: Tensor, heads: number, chunk: number): Tensor {
  const [batch = 0, length = 0] = mask.shape;
  return toHeads(expand(reshape(mask, [batch, 1, length, 1]), [batch, heads, length, 1]), chunk);
}

/** `[H, M, D]` → `[B·H, M, D]`; undefined where all heads share one. */
function perHead(projection: Tensor, batch: number): Tensor | undefined {
  if (projection.shape.length === 2) return undefined;
  return mergeAxes(expand(projection, [batch, ...projection.shape]), 0);
}

/** Keys of a chunk `[C, D]` under a constant common to the whole head. */
interface CommonKeys {
  /** max over positions and features, `[1, 1]`; undefined for maps that need no constant. */
  readonly top: Tensor | undefined;
  /** φ(k)·exp(−C) `[C, M]` for a constant C ≥ top, without a factor left over for the values. */
  readonly under: (constant: Tensor | undefined) => Tensor;
}

function commonKeys(
  { map, projection: shared, R: sharedR }: Spec,
  k: Tensor,
  mask: Tensor | undefined,
  { own, ownR }: OwnOfHeads,
): CommonKeys {
  const projection = own ?? shared;
  const R = sharedR && (ownR ?? sharedR);
  if (R) return { top: undefined, under: () => keysUnder(R, map, k, projection, mask) };
  const keys = checked(map, map.features(k, projection));
  const masked = (features: Tensor) => (mask ? mul(features, mask) : features);
  if (keys.kind === "plain") return { top: undefined, under: () => masked(keys.features) };
  const topOf = (logScale: Tensor) => max(maskedScale(logScale, mask), { axes: [-2], keepDims: true });
  // Only padding can lie above the constant: cut, so that its factor 0 meets no infinity; at 1 and not at 0, where
  // rounding would cut the largest real feature too, and take its gradient.
  const factor = (exponent: Tensor) => exp(mask ? minimum(exponent, 1) : exponent);
  if (keys.kind === "scaled") {
    const { features, logScale } = keys;
    return {
      top: topOf(logScale),
      under: (constant) => mul(masked(features), factor(constant ? sub(logScale, constant) : logScale)),
    };
  }
  const { logits, shift } = keys;
  return {
    top: topOf(sub(max(logits, { axes: [-1], keepDims: true }), shift)),
    under: (constant) => masked(factor(sub(logits, constant ? add(shift, constant) : shift))),
  };
}

function forward({ q, ...keys }: Heads, spec: Spec): Saved {
  const { map, guard } = spec;
  const { outputs } = scan({
    carry: {},
    sequences: keys,
    body: (_, head) => ({ carry: {}, outputs: stateOfHead(head, spec) }),
  });
  const { state, top } = outputs;
  const queries = eachChunk({ q }, { state, own: keys.own }, ({ q }, { state, own }) => {
    const features = queryFeatures(map, q, own ?? spec.projection);
    return normalized(matmul(features, state, { transposeB: true }), guard);
  });
  // Under a constant chosen before, no maximum is needed again; a place for one is kept, so that both ways give the
  // same.
  const kept = top ?? (map.kind === "plain" ? undefined : full([state.shape[0] ?? 0, 1, 1], 0));
  return { ...queries, state, top: kept };
}

/** S and C of one head: k `[N, C, D]` → `[E + 1, M]` and `[1, 1]`. */
function stateOfHead(
  { k, v, mask, ...ofHead }: Omit<Heads, "q">,
  spec: Spec,
): { readonly state: Tensor; readonly top: Tensor | undefined } {
  const { map, projection, R } = spec;
  const { carry } = scan({
    carry: {
      S: full([(v.shape.at(-1) ?? 0) + 1, featureCount(map, projection)], 0),
      C: map.kind === "plain" || R ? undefined : full([1, 1], LOG_ZERO),
    },
    sequences: { k, v, mask },
    body: ({ S, C }, { k, v, mask }) => {
      const keys = commonKeys(spec, k, mask, ofHead);
      const next = C && keys.top && maximum(keys.top, C);
      const carried = C && next ? mul(S, exp(sub(C, next))) : S;
      const added = matmul(withOnes(v), keys.under(next), { transposeA: true });
      return { carry: { S: add(carried, added), C: next }, outputs: {} };
    },
  });
  return { state: carry.S, top: carry.C };
}

/** Applies a function to every chunk of every head; `perHead` tensors `[B·H, …]` are the same for a head's chunks. */
function eachChunk<Items extends Tensors<Items>, Head extends Tensors<Head>, Outputs extends Tensors<Outputs>>(
  items: Items,
  perHead: Head,
  apply: (items: Items, head: Head) => Outputs,
): Outputs {
  const sequences: TensorRecord = { ...items, ...perHead };
  return scan<object, TensorRecord, Outputs>({
    carry: {},
    sequences,
    body: (_, ofHead) =>
      scan<object, Items, Outputs>({
        carry: {},
        sequences: pick(items, ofHead),
        body: (_state, chunk) => ({ carry: {}, outputs: apply(chunk, pick(perHead, ofHead)) }),
      }),
  }).outputs;
}

/** The entries of `record` under the names of `like`. */
function pick<Picked extends Tensors<Picked>>(like: Picked, record: TensorRecord): Picked {
  return Object.fromEntries(Object.keys(like).map((name) => [name, record[name]])) as Picked; // the same names
}

/**
 * With dU = [dOut, −dOut·out] / denominator and dS = Σ_t dU_t φ(q_t)ᵀ: dφ(q_t) = Sᵀ dU_t, dφ(k_s) = dSᵀ v′_s, dv′_s =
 * dS φ(k_s).
 */
function backward(
  { q, k, v, mask, own, ownR, out, inverse, state, top, dOut }: Heads & Saved & { readonly dOut: Tensor },
  spec: Spec,
): Sequences {
  const { map, projection } = spec;
  const { dq, dS } = scan({
    carry: {},
    sequences: { q, out, inverse, dOut, state, own },
    body: (_, { state, own, ...head }) => {
      const { carry, outputs } = scan({
        carry: { dS: full(state.shape, 0) },
        sequences: head,
        body: ({ dS }, { q, out, inverse, dOut }) => {
          const queries = queryFeatures(map, q, own ?? projection);
          const dU = sumsGradient(dOut, out, inverse);
          const dQueries = matmul(dU, state);
          const dq = gradientBy(q, [queries], [dQueries]);
          return { carry: { dS: add(dS, matmul(dU, queries, { transposeA: true })) }, outputs: { dq } };
        },
      });
      return { carry: {}, outputs: { dq: outputs.dq, dS: carry.dS } };
    },
  }).outputs;
  const { dk, dv } = eachChunk({ k, v, mask }, { dS, top, own, ownR }, ({ k, v, mask }, { dS, top, ...ofHead }) => {
    const keys = commonKeys(spec, k, mask, ofHead).under(top);
    const dKeys = matmul(withOnes(v), dS);
    const dk = gradientBy(k, [keys], [dKeys]);
    const dv = matmul(keys, slice(dS, 0, 0, (dS.shape[0] ?? 1) - 1), { transposeB: true });
    return { dk, dv };
  });
  return { q: dq, k: dk, v: dv };
}
