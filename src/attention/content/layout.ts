/** A layout of positions in which members of a bucket are adjacent, in chunks that no two buckets share. */
import { lazyArray, ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { argsort } from "../../ops/argsort.ts";
import { cast } from "../../ops/compare.ts";
import { cumsum } from "../../ops/cumsum.ts";
import { oneHot } from "../../ops/composed.ts";
import { add, mul, sub } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { reshape } from "../../ops/layout.ts";
import { placeAt } from "../../ops/place-at.ts";
import { expand, sum } from "../../ops/reduce.ts";
import { concat, slice, split } from "../../ops/slicing.ts";
import { constant } from "../../ops/source.ts";
import type { ExecutionForm } from "../mechanism.ts";

/** All int32. G sequences (those of all heads) of L positions become G rows of N chunks of C slots. */
export interface BucketLayout {
  readonly numChunks: number;
  /** `[G·L]`: the slot of each position among all G·N·C. */
  readonly slots: Tensor;
  /** `[G·N·C]`: the position that stands in each slot among all G·L, or −1. */
  readonly occupants: Tensor;
  /** `[G, N, C]`: the bucket of each slot's occupant, or −1. */
  readonly buckets: Tensor;
}

/**
 * Sorts positions by (bucket, position) and lets every bucket begin a chunk of its own.
 *
 * A position's chunk-mates and its place among them then depend on earlier members of its bucket alone, whatever comes
 * later: sums over a chunk are the same to the last bit. It costs one started chunk a bucket: N = m + ⌊(L − m) / C⌋
 * with m = min(numBuckets, L) is the most that can be needed. Beside the ranks all is O(L).
 *
 * @param buckets `[G, L]` int32 in 0 … numBuckets − 1
 * @param chunk C
 * @param form how members are ranked: `parallel` by counting, others by sorting
 */
export function bucketLayout(
  buckets: Tensor,
  { numBuckets, chunk, form }: { readonly numBuckets: number; readonly chunk: number; readonly form: ExecutionForm },
): BucketLayout {
  const [G = 0, L = 0] = buckets.shape;
  const used = Math.min(numBuckets, L);
  const numChunks = used + Math.floor((L - used) / chunk);
  const rank = form === "parallel" ? ranksByCounting : ranksBySorting;
  const { ranks, sizes } = rank(buckets, numBuckets);
  // Half a slot keeps the quotient of size + C − 1 away from whole numbers, whatever its rounding.
  const chunks = cast(cast(mul(add(sizes, chunk - 0.5), 1 / chunk), "int32"), "float32");
  const first = cast(mul(cumsum(chunks, 1, { exclusive: true }), chunk), "int32");
  const slots = add(ofBuckets(first, buckets), ranks);
  const numSlots = numChunks * chunk;
  const occupants = placeAt(add(offsets(G, L), range(L)), slots, numSlots, -1);
  return {
    numChunks,
    slots: reshape(add(slots, offsets(G, numSlots)), [G * L]),
    occupants: reshape(occupants, [G * numSlots]),
    buckets: reshape(placeAt(buckets, slots, numSlots, -1), [G, numChunks, chunk]),
  };
}

/** Whole numbers in float32 are exact up to 2²⁴, which no sequence reaches. */
interface BucketRanks {
  /** `[G, L]` int32: members of its own bucket before a position. */
  readonly ranks: Tensor;
  /** `[G, K]` float32: members of each bucket. */
  readonly sizes: Tensor;
}

/** By one stable sort, O(L log L) however many buckets there are. It runs on the CPU only. */
function ranksBySorting(buckets: Tensor, numBuckets: number): BucketRanks {
  const [G = 0, L = 0] = buckets.shape;
  // One marker a bucket, sorted in front of its members, and one behind them all: where they come to stand says where
  // buckets begin.
  const marked = concat([expand(range(numBuckets + 1), [G, numBuckets + 1]), buckets], 1);
  const total = numBuckets + 1 + L;
  const places = placeAt(expand(range(total), [G, total]), argsort(marked), total);
  const [markers, members] = split(places, 1, [numBuckets + 1, L]) as readonly [Tensor, Tensor]; // two lengths, two parts
  const firsts = add(slice(markers, 1, 0, numBuckets), integer(1));
  return {
    ranks: sub(members, ofBuckets(firsts, buckets)),
    sizes: cast(sub(slice(markers, 1, 1, numBuckets + 1), firsts), "float32"),
  };
}

/**
 * By counting every bucket's members up to each position, O(L · numBuckets): additions beside the products that chose
 * the buckets.
 */
function ranksByCounting(buckets: Tensor, numBuckets: number): BucketRanks {
  const belongs = oneHot(buckets, numBuckets);
  const before = cumsum(belongs, 1, { exclusive: true });
  return { ranks: cast(sum(mul(before, belongs), { axes: [2] }), "int32"), sizes: sum(belongs, { axes: [1] }) };
}

/** Each position's entry of a table of buckets: `[G, K]`, `[G, L]` → `[G, L]`. */
function ofBuckets(table: Tensor, buckets: Tensor): Tensor {
  const [G = 0, K = 0] = table.shape;
  return reshape(gather(reshape(table, [G * K, 1]), add(buckets, offsets(G, K))), buckets.shape);
}

function integer(value: number): Tensor {
  return constant(ndarray(Int32Array.of(value), []));
}

/** 0 … length − 1. */
function range(length: number): Tensor {
  return constant(lazyArray("int32", [length], () => Int32Array.from({ length }, (_, i) => i)));
}

/** `[G, 1]`: where each of G rows of that length begins. */
function offsets(rows: number, length: number): Tensor {
  return constant(
    ndarray(
      Int32Array.from({ length: rows }, (_, row) => row * length),
      [rows, 1],
    ),
  );
}
