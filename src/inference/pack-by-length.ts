/** Rows of like length into batches of few shapes. */

/** Default of `lengthStep`: proteins are hundreds long. */
const LENGTH_STEP = 64;
/** A batch takes no row that is shorter than this share of its longest. */
const SHORTEST_SHARE = 0.5;

export interface PackedRows<Row> {
  readonly batchSize: number;
  readonly seqLen: number;
  /** At most batchSize of them. */
  readonly rows: readonly Row[];
}

export interface PackOptions {
  /** Budget of a batch, padding included: batchSize = max(1, floor(tokensPerBatch / seqLen)). */
  readonly tokensPerBatch: number;
  /** Lengths are not rounded beyond this. */
  readonly longest: number;
  /**
   * What a further length costs, in places: compiling its graph takes as long as computing so many. Rare lengths are
   * rounded up to the next one where that costs less. Default 0: each has its own.
   */
  readonly graphCost?: number;
  /**
   * Lengths are rounded up to multiples of this, and beyond eight of them to multiples of an eighth of a power of two:
   * at most 1/8 more. Default 64.
   */
  readonly lengthStep?: number;
}

/**
 * Packs rows, the longest first. A batch that is not full has room for a power of two of rows, so that a single
 * sequence costs what one costs and the number of shapes stays small.
 *
 * @param rows of at least one place each
 */
export function packByLength<Row extends { readonly length: number }>(
  rows: readonly Row[],
  { tokensPerBatch, longest, graphCost = 0, lengthStep = LENGTH_STEP }: PackOptions,
): PackedRows<Row>[] {
  const sorted = rows.toSorted((a, b) => b.length - a.length);
  const lengths = fewLengths(sorted, graphCost, lengthStep);
  const batches: PackedRows<Row>[] = [];
  for (let start = 0; start < sorted.length;) {
    const first = sorted[start]?.length ?? 1;
    const rounded = roundLength(first, lengthStep);
    const seqLen = Math.min(longest, lengths.get(rounded) ?? rounded);
    const most = Math.max(1, Math.floor(tokensPerBatch / seqLen));
    const near = sorted.slice(start, start + most).filter(({ length }) => length >= SHORTEST_SHARE * first);
    batches.push({ batchSize: batchSizeFor(near.length, most), seqLen, rows: near });
    start += near.length;
  }
  return batches;
}

/** Room for so many rows: a power of two, or as many as there may be. */
export function batchSizeFor(rows: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(rows)));
}

/**
 * Chooses for each rounded length the length that is computed instead, so that all positions and graphs together cost
 * least.
 *
 * Lengths that share one are neighbours, so the best choice for the first j lengths is the best for the first i and one
 * length for those between: dynamic programming over at most a few dozen lengths.
 */
function fewLengths(
  rows: readonly { readonly length: number }[],
  graphCost: number,
  lengthStep: number,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { length } of rows) {
    const rounded = roundLength(length, lengthStep);
    counts.set(rounded, (counts.get(rounded) ?? 0) + 1);
  }
  const ascending = [...counts].toSorted(([a], [b]) => a - b);
  /** For the first so many lengths: the least cost, and where the last of their groups begins. */
  const best = [{ cost: 0, from: 0 }];
  for (const [last, [length]] of ascending.entries()) {
    let here = { cost: Number.POSITIVE_INFINITY, from: last };
    let inGroup = 0;
    for (let from = last; from >= 0; from--) {
      inGroup += ascending[from]?.[1] ?? 0;
      const cost = (best[from]?.cost ?? 0) + graphCost + inGroup * length;
      if (cost < here.cost) here = { cost, from };
    }
    best.push(here);
  }
  const chosen = new Map<number, number>();
  for (let end = ascending.length; end > 0; end = best[end]?.from ?? 0) {
    const group = ascending.slice(best[end]?.from ?? 0, end);
    for (const [length] of group) chosen.set(length, group.at(-1)?.[0] ?? length);
  }
  return chosen;
}

/** At least the length, and one of few numbers. */
function roundLength(length: number, lengthStep: number): number {
  const step = Math.max(lengthStep, 2 ** Math.floor(Math.log2(length)) / 8);
  return Math.ceil(length / step) * step;
}
