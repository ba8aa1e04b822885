/** Whole numbers that depend on lengths which are known only when a graph runs: sums of products of these lengths. */

/** Lengths by name. */
export type Lengths = Readonly<Record<string, number>>;

export interface Term {
  /** A whole number other than 0. */
  readonly coefficient: number;
  /** Names of the lengths that it is multiplied by, each once; none for the constant term. */
  readonly of: readonly string[];
}

/** Σ coefficient · product of lengths; `[]` is 0. */
export type Polynomial = readonly Term[];

export function valueAt(polynomial: Polynomial, lengths: Lengths): number {
  return polynomial.reduce(
    (sum, { coefficient, of }) =>
      sum + of.reduce((product, name) => product * (lengths[name] ?? Number.NaN), coefficient),
    0,
  );
}

/** The value of a polynomial that depends on no length; undefined for all others. */
export function constantValue(polynomial: Polynomial): number | undefined {
  return polynomial.every(({ of }) => of.length === 0) ? valueAt(polynomial, {}) : undefined;
}

/** The names of the lengths that it depends on. */
export function lengthsOf(polynomial: Polynomial): readonly string[] {
  return [...new Set(polynomial.flatMap(({ of }) => of))];
}

/** For people and as names of axes: `2·batch·length + 1`. */
export function formatPolynomial(polynomial: Polynomial): string {
  const terms = polynomial.map(({ coefficient, of }) =>
    [...(coefficient === 1 && of.length > 0 ? [] : [String(coefficient)]), ...of].join("·"),
  );
  return terms.length === 0 ? "0" : terms.join(" + ");
}

/** Lengths, and what was found at them. */
export interface Sample {
  readonly lengths: Lengths;
  readonly value: number;
}

/**
 * The polynomial with whole coefficients, of degree one in every length, that goes through the samples.
 *
 * The first 2ⁿ samples of n lengths decide it and must be a grid of two different values a length, or anything else
 * that does; all others only check it.
 *
 * @returns undefined where there is none
 */
export function fitPolynomial(names: readonly string[], samples: readonly Sample[]): Polynomial | undefined {
  if (samples.some(({ value }) => !Number.isSafeInteger(value))) return undefined;
  const products = subsets(names);
  const equations = samples
    .slice(0, products.length)
    .map(({ lengths, value }) => [
      ...products.map((of) => of.reduce((product, name) => product * (lengths[name] ?? Number.NaN), 1)),
      value,
    ]);
  const coefficients = solve(equations);
  // Rounded, and then exact or refused: whole numbers of this size have no rounding.
  const polynomial = products.flatMap((of, index): Term[] => {
    const coefficient = Math.round(coefficients[index] ?? Number.NaN);
    return coefficient === 0 ? [] : [{ coefficient, of }];
  });
  return samples.every(({ lengths, value }) => valueAt(polynomial, lengths) === value) ? polynomial : undefined;
}

/** All products of different names, fewest factors last. */
function subsets(names: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = names;
  if (first === undefined) return [[]];
  const others = subsets(rest);
  return [...others.map((each) => [first, ...each]), ...others];
}

/** Linear equations `[…coefficients, value]`, as many as unknowns, by Gauss and Jordan with pivots. */
function solve(equations: readonly (readonly number[])[]): number[] {
  const rows = equations.map((row) => [...row]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const candidates = rows.slice(column).map((row) => Math.abs(row[column] ?? 0));
    const best = column + candidates.indexOf(Math.max(...candidates));
    const pivot = rows[best] ?? [];
    rows[best] = rows[column] ?? [];
    rows[column] = pivot;
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = (row[column] ?? 0) / (pivot[column] ?? 0);
      pivot.forEach((value, index) => (row[index] = (row[index] ?? 0) - factor * value));
    }
  }
  return rows.map((row, index) => (row[size] ?? 0) / (row[index] ?? 0));
}
