/** Attention of one Gaussian head by any mechanism, and how far its output lies from that of exact attention. */

import { mechanisms, type AttentionMechanism, type ProjectionChoice } from "performer-ts/attention";
import { letOthersRun } from "performer-ts/lab";
import { createRandom, fillNormal, type Random } from "performer-ts/random";
import { compile } from "performer-ts/runtime";

export interface HeadSizes {
  readonly seqLen: number;
  readonly headDim: number;
}

/** Arrays `[seqLen, headDim]`, row-major. */
export interface Head {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Standard deviations of each coordinate, before attention divides queries and keys by headDim^¼. */
export interface HeadScales {
  readonly queryStd: number;
  readonly keyStd: number;
}

/** Independent normal queries and keys; values are N(0, I). */
export function gaussianHead(random: Random, { seqLen, headDim }: HeadSizes, scales: HeadScales): Head {
  const draw = (std: number) => fillNormal(random, new Float32Array(seqLen * headDim), std);
  return { q: draw(scales.queryStd), k: draw(scales.keyStd), v: draw(1) };
}

/** Attention of one size, compiled. */
export interface HeadAttention extends AsyncDisposable {
  /** @param random where the projection is drawn from; not read by exact attention */
  readonly attend: (head: Head, random: Random) => Promise<Float32Array>;
}

/** Bidirectional attention of one head. @param numFeatures rows of the projection; not read by exact attention */
export async function compileHead(
  mechanism: AttentionMechanism,
  { seqLen, headDim }: HeadSizes,
  numFeatures: number,
  projection: ProjectionChoice = {},
): Promise<HeadAttention> {
  const shape = [1, 1, seqLen, headDim];
  const draw = (random: Random) => mechanism.initialise(random, { headDim, numFeatures, projection });
  const sized = draw(createRandom("shape"));
  const executable = sized
    ? await compile(
        ({ q, k, v, projection: rows }) => ({ out: mechanism.apply(q, k, v, { causal: false, projection: rows }) }),
        { q: shape, k: shape, v: shape, projection: sized.projection.shape },
      )
    : await compile(({ q, k, v }) => ({ out: mechanism.apply(q, k, v, { causal: false }) }), {
        q: shape,
        k: shape,
        v: shape,
      });
  return {
    attend: async ({ q, k, v }, random) => {
      const { out } = await executable.run({ q, k, v, ...draw(random) });
      return Float32Array.from(out?.data ?? [], Number);
    },
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}

/** How far an output is from the exact one. */
export interface OutputError {
  /** Mean of (output − exact)² over all entries. */
  readonly meanSquared: number;
  /** ‖output − exact‖ / ‖exact‖, both Frobenius norms: 1 for an output of zeros. */
  readonly relative: number;
}

export function outputError(output: Float32Array, exact: Float32Array): OutputError {
  let errors = 0;
  let squares = 0;
  exact.forEach((value, index) => {
    errors += ((output[index] ?? Number.NaN) - value) ** 2;
    squares += value ** 2;
  });
  return { meanSquared: errors / exact.length, relative: Math.sqrt(errors / squares) };
}

/** A head with its exact output. */
export interface ExactHead {
  readonly head: Head;
  readonly exact: Float32Array;
}

/** A head a seed, drawn from `createRandom(seed, "head")`, and exact attention of each. */
export async function exactHeads(
  seeds: readonly number[],
  sizes: HeadSizes,
  scales: HeadScales,
): Promise<readonly ExactHead[]> {
  await using attention = await compileHead(mechanisms.exact, sizes, 1);
  const heads: ExactHead[] = [];
  for (const seed of seeds) {
    const head = gaussianHead(createRandom(seed, "head"), sizes, scales);
    heads.push({ head, exact: await attention.attend(head, createRandom("none")) });
    await letOthersRun();
  }
  return heads;
}

/** What a mechanism is measured with. */
export interface ErrorsOptions {
  readonly mechanism: AttentionMechanism;
  readonly sizes: HeadSizes;
  /** Rows of the projection. */
  readonly numRows: number;
  readonly projection?: ProjectionChoice;
  readonly heads: readonly ExactHead[];
  /** Projections a head. */
  readonly numDraws: number;
  /** Called after every output with the number of outputs so far. */
  readonly onOutputs?: (count: number) => void;
}

/**
 * The errors of a mechanism, by head and then by projection. Projections are drawn from `createRandom(index of the
 * head, "projection", draw)`, so that mechanisms of the same projection see the same rows.
 */
export async function outputErrors(options: ErrorsOptions): Promise<readonly (readonly OutputError[])[]> {
  const { mechanism, sizes, numRows, projection, heads, numDraws, onOutputs } = options;
  await using attention = await compileHead(mechanism, sizes, numRows, projection);
  const all: (readonly OutputError[])[] = [];
  for (const [index, { head, exact }] of heads.entries()) {
    const errors: OutputError[] = [];
    for (let draw = 0; draw < numDraws; draw++) {
      const output = await attention.attend(head, createRandom(index, "projection", draw));
      errors.push(outputError(output, exact));
      onOutputs?.(1);
      await letOthersRun();
    }
    all.push(errors);
  }
  return all;
}
