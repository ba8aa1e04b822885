/** The few lengths at which graphs are built to find out what they are at all others. */
import { GraphError, problem } from "../../graph/errors.ts";
import type { FreeAxis, FreeLength } from "./generalize.ts";
import type { BlockCountSource } from "./length-nodes.ts";
import type { Lengths } from "./polynomial.ts";

/** Lengths of axes: small, distinct primes, and never 1, where nodes fall away. */
const FITTED = [
  [3, 5],
  [7, 11],
] as const;
const CHECKED = [2, 13] as const;
const LONGEST_FITTED = Math.max(...FITTED.flat());

/** Tables must be longer than what they are checked against. */
export const SHORTEST_TABLE = 16;

type FreeLengths = Readonly<Record<string, FreeLength>>;
/** A length's name with what is known of it. */
type Named<T> = readonly (readonly [string, T])[];

export interface SampledLengths {
  /** Two values of every length in all combinations: they decide polynomials. */
  readonly fitted: readonly Lengths[];
  /** Other values. */
  readonly checked: Lengths;
  /** The greatest: they show what depends on them. */
  readonly greatest: Lengths;
  /** The greatest of those lengths that have one, which tables are made for. */
  readonly tables: Lengths;
}

/**
 * Numbers of blocks are chosen by themselves, but always hold more positions than the length that they are of: where
 * they hold as many, nodes of padding would fall away. The greatest length is one less for it, where its blocks would
 * be full.
 *
 * @throws GraphError for more lengths of axes than there are values for, tables too short to be checked, and blocks of
 *   what has no axis
 */
export function sampleLengths(free: FreeLengths): SampledLengths {
  const named = Object.entries(free);
  const axes = named.flatMap(([name, source]) => ("blocksOf" in source ? [] : [[name, source] as const]));
  const blocks = named.flatMap(([name, source]) => ("blocksOf" in source ? [[name, source] as const] : []));
  check(axes, blocks);
  const fitted = grid([
    ...axes.map(([name], index) => [name, FITTED[index] ?? []] as const),
    ...blocks.map(([name, source]) => {
      const least = blocksAround(LONGEST_FITTED, source);
      return [name, [least + 1, least + 2]] as const;
    }),
  ]);
  const checked = Object.fromEntries(axes.map(([name], index) => [name, CHECKED[(index + 1) % CHECKED.length] ?? 2]));
  const most = Object.fromEntries(axes.map(([name, source], index) => [name, source.most ?? CHECKED[index] ?? 2]));
  const bounded = Object.fromEntries(
    axes.flatMap(([name, source]) => (source.most === undefined ? [] : [[name, source.most]])),
  );
  const counts = blocks.map(([name, source]) => {
    const { blocksOf, blockLength } = source;
    // More than were fitted, though no sequence may have so many: tables become longer for it.
    const count = Math.max(Math.ceil((most[blocksOf] ?? 1) / blockLength), blocksAround(LONGEST_FITTED, source) + 3);
    return { name, blocksOf, count, holds: count * blockLength };
  });
  return {
    fitted,
    checked: {
      ...checked,
      ...Object.fromEntries(blocks.map(([name, each]) => [name, blocksAround(checked[each.blocksOf] ?? 1, each)])),
    },
    greatest: {
      ...most,
      ...Object.fromEntries(counts.map(({ blocksOf, holds }) => [blocksOf, Math.min(most[blocksOf] ?? 1, holds - 1)])),
      ...Object.fromEntries(counts.map(({ name, count }) => [name, count])),
    },
    tables: {
      ...bounded,
      ...Object.fromEntries(
        counts.flatMap(({ name, blocksOf, count }) => (blocksOf in bounded ? [[name, count]] : [])),
      ),
    },
  };
}

/** The fewest blocks that hold more positions. */
function blocksAround(length: number, { blockLength }: BlockCountSource): number {
  return Math.floor(length / blockLength) + 1;
}

/** All combinations. */
function grid(values: Named<readonly number[]>): readonly Lengths[] {
  return values.reduce<readonly Lengths[]>(
    (points, [name, each]) => each.flatMap((value) => points.map((point) => ({ ...point, [name]: value }))),
    [{}],
  );
}

function check(axes: Named<FreeAxis>, blocks: Named<BlockCountSource>): void {
  const names = axes.map(([name]) => name);
  if (names.length > FITTED.length) {
    throw new GraphError(
      problem`emitDynamic: free lengths must be at most ${FITTED.length}, got ${names.join(", ")}; fix the others`,
    );
  }
  for (const [name, { most = SHORTEST_TABLE }] of axes) {
    if (most >= SHORTEST_TABLE) continue;
    throw new GraphError(
      problem`emitDynamic: the greatest '${name}' must be at least ${SHORTEST_TABLE}, got ${most}; allow more, which
      costs nothing`,
    );
  }
  for (const [name, { blocksOf, blockLength }] of blocks) {
    if (!names.includes(blocksOf)) {
      throw new GraphError(
        problem`emitDynamic: '${name}' must be blocks of the length of an axis, got '${blocksOf}'; those are
        ${names.join(", ") || "none"}`,
      );
    }
    if (!Number.isInteger(blockLength) || blockLength < 2) {
      throw new GraphError(
        problem`emitDynamic: blockLength of '${name}' must be a whole number of at least 2, got ${blockLength}; take the
        length itself for 1`,
      );
    }
  }
}
