import fc from "fast-check";
import { expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { balanceHead, type HeadMap } from "./balanced-basis.ts";

/** Rows of normal numbers, mixed and moved so that no axis is like another. */
function rows(seed: number, name: string, count: number, size: number): number[][] {
  const random = createRandom(seed, name);
  const mix = fillNormal(random, new Float64Array(size * size), 1);
  return Array.from({ length: count }, () => {
    const drawn = fillNormal(random, new Float64Array(size), 1);
    return Array.from(
      { length: size },
      (_, row) => 3 * row + drawn.reduce((sum, value, column) => sum + value * (mix[row * size + column] ?? 0), 0),
    );
  });
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const apply = ({ weight, bias }: HeadMap, x: readonly number[]) => weight.map((row, i) => dot(row, x) + (bias[i] ?? 0));
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function covariance(tokens: readonly (readonly number[])[]): number[] {
  const size = tokens[0]?.length ?? 0;
  const column = (i: number) => tokens.map((token) => token[i] ?? Number.NaN);
  const entry = (i: number, j: number) =>
    meanOf(tokens.map((token) => (token[i] ?? 0) * (token[j] ?? 0))) - meanOf(column(i)) * meanOf(column(j));
  return Array.from({ length: size * size }, (_, index) => entry(Math.floor(index / size), index % size));
}

const identity = (size: number): HeadMap => ({
  weight: Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Number(i === j))),
  bias: Array.from({ length: size }, () => 0),
});

const anyHead = fc.record({ seed: fc.nat(), size: fc.integer({ min: 1, max: 5 }) });

it("keeps what queries tell between keys, and gives both one covariance and means that cancel", () => {
  fc.assert(
    fc.property(anyHead, ({ seed, size }) => {
      const [q, k] = [rows(seed, "q", 41, size), rows(seed, "k", 41, size)];
      const { query, key } = balanceHead({ q, k }, { query: identity(size), key: identity(size) });
      const [newQ, newK] = [q.map((each) => apply(query, each)), k.map((each) => apply(key, each))];
      const between = (queries: number[][], keys: number[][]) =>
        keys.slice(1).map((each) => dot(queries[0] ?? [], each) - dot(queries[0] ?? [], keys[0] ?? []));
      const scale = Math.max(...between(q, k).map(Math.abs));
      between(newQ, newK).forEach((value, i) => expect(value / scale).toBeCloseTo((between(q, k)[i] ?? 0) / scale, 9));
      for (let i = 0; i < size; i++) {
        expect(meanOf(newQ.map((each, at) => (each[i] ?? 0) + (newK[at]?.[i] ?? 0)))).toBeCloseTo(0, 9);
      }
      // Equal but for the thousandth of variance that is added.
      const [ofQ, ofK] = [covariance(newQ), covariance(newK)];
      const largest = Math.max(...ofQ.map(Math.abs));
      ofQ.forEach((value, i) => expect(Math.abs(value - (ofK[i] ?? 0)) / largest).toBeLessThan(0.1));
    }),
    { numRuns: 15 },
  );
});

it("leaves a head alone whose queries and keys never change", () => {
  const still = Array.from({ length: 7 }, () => [0, 0]);
  const { query, key } = balanceHead({ q: still, k: still }, { query: identity(2), key: identity(2) });
  expect({ query, key }).toEqual({ query: identity(2), key: identity(2) });
});
