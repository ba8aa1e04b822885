/** The single terms of kernel estimates, from the engine, batch after batch of fresh projections. */

import { ndarray, type NdArray, type Tensor } from "performer-ts/graph";
import type { FeatureMap } from "performer-ts/attention";
import { kernelTerms } from "performer-ts/kernels";
import { letOthersRun } from "performer-ts/lab";
import { constant } from "performer-ts/ops";
import { projectionKinds, type ProjectionName, type Random, type RowLengths } from "performer-ts/random";
import { compile } from "performer-ts/runtime";

import type { VectorPair } from "./vector-pairs.ts";

/**
 * Numbers of a projection that are drawn between two words about progress, in whole blocks: some tens of milliseconds.
 */
const NUMBERS_AT_A_TIME = 65_536;

export interface TermsOptions<Name extends string> {
  readonly maps: Readonly<Record<Name, FeatureMap>>;
  readonly pairs: readonly VectorPair[];
  readonly projection: ProjectionName;
  /** Default `chi`, which makes each row N(0, I). */
  readonly rowLengths?: RowLengths;
  /** The number of blocks of headDim rows. */
  readonly numBlocks: number;
  readonly random: Random;
  /**
   * What maps with statistics measure them on, once for all: queries and keys `[1, 1, L, D]`. Default: on the pairs.
   */
  readonly sequences?: { readonly q: NdArray; readonly k: NdArray };
  /** Called after every batch. */
  readonly onBlocks?: (done: number) => void;
}

/** By map, then by pair: one term a row of the projection, whole blocks. */
export type Terms<Name extends string> = Readonly<Record<Name, readonly Float32Array[]>>;

/**
 * Draws projections and yields what each of their rows contributes to the estimate of the kernel of every pair by every
 * map. All maps and pairs see the same rows.
 */
export async function* drawTerms<Name extends string>(options: TermsOptions<Name>): AsyncGenerator<Terms<Name>> {
  const { maps, pairs, projection, rowLengths = "chi", numBlocks, random, sequences, onBlocks } = options;
  const headDim = pairs[0]?.x.length ?? 0;
  const batchBlocks = Math.min(numBlocks, Math.max(1, Math.floor(NUMBERS_AT_A_TIME / headDim ** 2)));
  const batchRows = batchBlocks * headDim;
  // The keys are those of `maps`.
  const names = Object.keys(maps) as Name[];
  const [x, y] = [stack(pairs.map((pair) => pair.x)), stack(pairs.map((pair) => pair.y))];
  const executable = await compile<"rows", Record<string, Tensor>>(
    ({ rows }) => Object.fromEntries(names.map((name) => [name, termsOf(maps[name], x, y, rows, sequences)])),
    { rows: [batchRows, headDim] },
  );
  try {
    for (let done = 0; done < numBlocks;) {
      const blocks = Math.min(batchBlocks, numBlocks - done);
      const rows = projectionKinds[projection].draw({ numFeatures: batchRows, headDim, random, rowLengths });
      const results = await executable.run({ rows });
      const split = (name: Name) => splitRows(results[name], pairs.length, blocks * headDim);
      // Every name of `maps` has an output of its own.
      yield Object.fromEntries(names.map((name) => [name, split(name)])) as Terms<Name>;
      done += blocks;
      onBlocks?.(done);
      await letOthersRun();
    }
  } finally {
    await executable.dispose();
  }
}

function termsOf(map: FeatureMap, x: NdArray, y: NdArray, rows: Tensor, sequences: TermsOptions<string>["sequences"]) {
  const statistics = sequences && map.statistics?.measure(constant(sequences.q), constant(sequences.k), {});
  return kernelTerms(map, constant(x), constant(y), rows, statistics);
}

function stack(vectors: readonly Float32Array[]): NdArray {
  const width = vectors[0]?.length ?? 0;
  const data = new Float32Array(vectors.length * width);
  vectors.forEach((vector, index) => data.set(vector, index * width));
  return ndarray(data, [vectors.length, width]);
}

/** The leading `count` numbers of each of the array's rows. */
function splitRows(array: NdArray | undefined, numRows: number, count: number): readonly Float32Array[] {
  // Graphs compute in float32.
  const data = array?.data as Float32Array;
  const width = data.length / numRows;
  return Array.from({ length: numRows }, (_, row) => data.subarray(row * width, row * width + count));
}

/** The mean of every `size` neighbours, in order: estimates from `size` rows of the projection. */
export function forEachEstimate(terms: Float32Array, size: number, visit: (estimate: number) => void): void {
  for (let start = 0; start + size <= terms.length; start += size) {
    let total = 0;
    for (let i = start; i < start + size; i++) total += terms[i] ?? 0;
    visit(total / size);
  }
}
