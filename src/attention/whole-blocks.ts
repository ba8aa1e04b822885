/** Which whole blocks sequences must be padded to for one graph to serve any length. */

export interface WholeBlocks {
  /** The fewest positions of a block. 1: no padding is needed. */
  readonly least: number;
  /** A block must be a whole number of so many. Default 1. */
  readonly multipleOf?: number;
}

/** The blocks that serve all; undefined where one can do with none. */
export function commonBlocks(all: readonly (WholeBlocks | undefined)[]): WholeBlocks | undefined {
  const known = all.flatMap((each) => each ?? []);
  if (known.length < all.length) return undefined;
  return {
    least: Math.max(1, ...known.map(({ least }) => least)),
    multipleOf: known.reduce((common, { multipleOf = 1 }) => leastCommonMultiple(common, multipleOf), 1),
  };
}

/** Positions of the smallest such block. */
export function blockLengthOf({ least, multipleOf = 1 }: WholeBlocks): number {
  return Math.ceil(least / multipleOf) * multipleOf;
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}
