/** Runs a graph again and again on several numbers of threads: what the suites at real sizes share. */
import { expect } from "vitest";
import { toFloat64, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { feedsFor, type Feeds } from "../../src/runtime/backend.ts";
import { createNativeBackend } from "../../src/runtime/node.ts";

/**
 * More threads than a small machine has cores: the engine shares work out by its number of threads, whatever runs them.
 */
export const THREADS = [1, 2, 4] as const;

/** Runs on each number of threads above one. At these sizes a race showed within the first few. */
const RUNS = Number(process.env["AT_SIZE_RUNS"] ?? 5);

const TOLERANCE = {
  /**
   * Between numbers of threads, over the largest entry: the engine cuts a product's columns among threads, and a narrow
   * part adds its terms up in blocks of other lengths.
   */
  acrossThreads: 2e-6,
} as const;

interface Comparison {
  readonly tolerance: number;
  /** Results whose entries are all smaller are compared with this. */
  readonly floor?: number;
}

type Results = Readonly<Record<string, NdArray>>;

/**
 * The results on one thread, after checks that every further run gives the same bits as the first on as many threads,
 * and that those equal the results on one thread but for rounding.
 *
 * @param comparison between numbers of threads; default tolerance `TOLERANCE.acrossThreads`
 */
export async function sameOnAllThreads(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Feeds,
  comparison: Comparison = { tolerance: TOLERANCE.acrossThreads },
): Promise<Results> {
  let single: Results = {};
  for (const threads of THREADS) {
    await using executable = await createNativeBackend({ device: "cpu", threads }).compile({
      outputs,
    });
    const run = () => executable.run(feedsFor(executable, feeds));
    const first = await run();
    if (threads === 1) single = first;
    for (let count = 1; count < (threads === 1 ? 2 : RUNS); count++) {
      expectSameBits(await run(), first, `results that changed from run to run on ${threads} threads`);
    }
    for (const [name, array] of Object.entries(first)) {
      expect(
        difference(array, single[name], comparison.floor),
        `${name} on ${threads} threads and on one`,
      ).toBeLessThanOrEqual(comparison.tolerance);
    }
  }
  return single;
}

/** Fails with the names of the results that do not hold the same bits. */
export function expectSameBits(actual: Results, expected: Results, what = "results that changed"): void {
  const bytes = ({ data: { buffer, byteOffset, byteLength } }: NdArray) => Buffer.from(buffer, byteOffset, byteLength);
  const changed = Object.entries(expected).filter(([name, array]) => {
    const found = actual[name];
    return found === undefined || !bytes(found).equals(bytes(array));
  });
  expect(
    changed.map(([name]) => name),
    what,
  ).toEqual([]);
}

/**
 * Largest difference over the largest entry, or over `floor` where all are smaller; infinite where an entry is no
 * number.
 */
export function difference(
  actual: NdArray | undefined,
  expected: { readonly data: ArrayLike<number | bigint> } | undefined,
  floor = Number.MIN_VALUE,
): number {
  if (actual === undefined || expected === undefined || actual.data.length !== expected.data.length) return Infinity;
  let largest = floor;
  let worst = 0;
  toFloat64(actual).forEach((value, index) => {
    const wanted = Number(expected.data[index]);
    const error = Math.abs(value - wanted);
    largest = Math.max(largest, Math.abs(wanted));
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  });
  return worst / largest;
}
