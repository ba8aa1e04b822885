/** The matrix of attention weights of any mechanism, approximate ones included: one-hot values through the mechanism itself. */
import { createBackend } from "#engine";
import { GraphError } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import { expand } from "../ops/reduce.ts";
import { constant, input } from "../ops/source.ts";
import { createRandom, type RowLengths } from "../random/index.ts";
import type { Backend } from "../runtime/backend.ts";
import type { AttentionArray } from "./arrays.ts";
import { readKeyMask, type KeyMask } from "./batch.ts";
import { headsArray, readSequences } from "./diagnose/sequences.ts";
import { defaultNumFeatures, LARGEST_ARRAY_BYTES, type ProjectionChoice } from "./favor/projections.ts";
import { formFor, type AttentionMechanism } from "./mechanism.ts";
import type { MechanismName } from "./mechanisms.ts";
import { findMechanism, refuseUnknownOptions, requirePositiveInteger } from "./options.ts";

export interface AttentionMatrixOptions {
  /** Must divide the width. Default 1. */
  readonly numHeads?: number;
  /** Position i sees positions ≤ i. Default false. */
  readonly causal?: boolean;
  /** Default `favor`; any of the table `mechanisms`, `exact` included. */
  readonly mechanism?: MechanismName | AttentionMechanism;
  /** Random features a head. Default round(headDim · ln headDim). */
  readonly numFeatures?: number;
  /** Default: what the map is meant for. */
  readonly projection?: NonNullable<ProjectionChoice["kind"]>;
  /** Default: what the map is meant for. */
  readonly projectionLengths?: RowLengths;
  /** A projection of its own for every head. Default false. */
  readonly projectionPerHead?: boolean;
  /** Decides the random projection, as in `favorAttention`. Default 0. */
  readonly seed?: number;
  /** Which keys are real. Default: all. */
  readonly keyMask?: KeyMask;
  /** Needed for flat arrays only. */
  readonly headDim?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

export interface AttentionMatrix {
  /** Row-major; a row holds the weights that a query gives to the keys, and its sum is 1. */
  readonly data: Float32Array;
  /** `[numHeads, L, S]`, or `[batch, numHeads, L, S]` for arrays with a batch. */
  readonly dims: readonly number[];
}

const optionNames = {
  numHeads: true,
  causal: true,
  mechanism: true,
  numFeatures: true,
  projection: true,
  projectionLengths: true,
  projectionPerHead: true,
  seed: true,
  keyMask: true,
  headDim: true,
  backend: true,
} as const satisfies Record<keyof AttentionMatrixOptions, true>;

/**
 * The weights with which attention mixes the values: A in out = A v. With the seed of a call of `favorAttention`, its own weights.
 *
 * The one-hot values make it as large and as slow as exact attention is: for looking at, not for computing with.
 *
 * @throws GraphError when sizes do not fit or the matrix is too large for an engine
 *
 * @example
 * const approximate = await attentionMatrix({ q, k }, { numHeads: 8, causal: true, seed: 7 });
 * const exact = await attentionMatrix({ q, k }, { numHeads: 8, causal: true, mechanism: "exact" });
 * Source: appendix C.4 (figures 10 to 13), arXiv:2009.14794.
 */
export async function attentionMatrix(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray },
  options: AttentionMatrixOptions = {},
): Promise<AttentionMatrix> {
  refuseUnknownOptions("attentionMatrix", options, Object.keys(optionNames));
  const { numHeads = 1, causal = false, seed = 0, headDim: flatWidth, backend = createBackend() } = options;
  requirePositiveInteger("attentionMatrix", "numHeads", numHeads);
  const mechanism = findMechanism("attentionMatrix", options.mechanism ?? "favor");
  const { q, k, batched } = readSequences("attentionMatrix", arrays, { numHeads, causal, headDim: flatWidth });
  const sizes = [q.batch, numHeads, q.length, k.length];
  checkSize(sizes);
  const mask = options.keyMask && readKeyMask("attentionMatrix", options.keyMask, [q.batch, k.length]);
  const numFeatures = options.numFeatures ?? defaultNumFeatures(q.width);
  const drawn = mechanism.initialise(createRandom(seed, "projection"), {
    headDim: q.width,
    numFeatures,
    numHeads,
    projection: {
      perHead: options.projectionPerHead ?? false,
      ...(options.projection && { kind: options.projection }),
      ...(options.projectionLengths && { rowLengths: options.projectionLengths }),
    },
  });
  const given = { q: headsArray(q), k: headsArray(k) };
  const out = mechanism.apply(
    input("q", given.q.shape),
    input("k", given.k.shape),
    oneHot(q.batch, numHeads, k.length),
    {
      causal,
      form: formFor(backend.device),
      ...(mask && { keyMask: constant(mask) }),
      ...(drawn && { projection: input("projection", drawn.projection.shape) }),
    },
  );
  await using executable = await backend.compile({ outputs: { out } });
  const result = await executable.run({ ...given, ...drawn });
  const data = Float32Array.from(result["out"]?.data as Float32Array); // float32, or float64 from the reference backend
  return { data, dims: batched ? sizes : sizes.slice(1) };
}

/** Values of which the s-th is 1 in column s and 0 elsewhere: `[B, H, S, S]`. */
function oneHot(batch: number, numHeads: number, length: number) {
  const identity = new Float32Array(length * length);
  for (let s = 0; s < length; s++) identity[s * length + s] = 1;
  return expand(constant(ndarray(identity, [1, 1, length, length])), [batch, numHeads, length, length]);
}

function checkSize(sizes: readonly number[]): void {
  const bytes = sizes.reduce((product, size) => product * size, 4);
  if (bytes <= LARGEST_ARRAY_BYTES) return;
  throw new GraphError(
    `attentionMatrix: the matrix must fit an array of 2 GiB, got ${(bytes / 2 ** 30).toFixed(1)} GiB for [${sizes.join(", ")}]; ` +
      "give one head, or a part of the queries and keys",
  );
}
