/** Who says that queries and keys count by their products alone is held to it, and who is so says it. */
import { expect, it } from "vitest";
import { createBackend } from "#engine";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { mapValues } from "../../src/graph/records.ts";
import { constant } from "../../src/ops/source.ts";
import { drawArrays, relativeError, type Arrays } from "./conformance.ts";
import { lowRankSubjects } from "./low-rank.ts";
import { sparseSubjects } from "./sparse-subjects.ts";
import { isRefused } from "./subjects.ts";

const sizes = { B: 1, H: 2, L: 41, S: 41, D: 3, E: 5, M: 7 } as const;
const backend = createBackend();

/** A, its A⁻ᵀ, and c. */
const basis = [2, 1, 0, 0, 1, 0, 0, 3, 0.5];
const inverseTransposed = [0.5, 0, 0, -0.5, 1, -6, 0, 0, 2];
const shift = [0.7, -0.4, 0.2];

/** matrix · row − away, of every row of `[…, 3]`. */
function changed({ data, shape }: NdArray, matrix: readonly number[], away: readonly number[] = []): NdArray {
  const values = Float32Array.from({ length: data.length }, (_, index) => {
    const [row, column] = [index - (index % 3), index % 3];
    const products = [0, 1, 2].map((each) => (matrix[3 * column + each] ?? 0) * Number(data[row + each]));
    return products.reduce((sum, product) => sum + product, -(away[column] ?? 0));
  });
  return ndarray(values, shape);
}

async function attend(mechanism: AttentionMechanism, causal: boolean, arrays: Arrays): Promise<number[]> {
  const { q, k, v, projection, parameters = {} } = arrays;
  const out = mechanism.apply(constant(q), constant(k), constant(v), {
    causal,
    ...(projection && { projection: constant(projection) }),
    parameters: mapValues(parameters, (each) => constant(each)),
  });
  await using run = await backend.compile({ outputs: { out } });
  return Array.from((await run.run({}))["out"]?.data ?? [], Number);
}

/**
 * Windows, blocks, landmarks and edges at sizes that leave something out. The choice of `auto` is exact here, and not
 * for long sequences.
 */
const { auto: _auto, ...others } = mechanisms;
const subjects = { ...others, ...mapValues({ ...lowRankSubjects, ...sparseSubjects }, (subject) => subject.mechanism) };
const cases = Object.entries<AttentionMechanism>(subjects).flatMap(([name, mechanism]) =>
  [true, false]
    .map((causal) => ({ name, mechanism, causal, says: mechanism.basisFree === true }))
    .filter(({ causal }) => mechanism.sharesKeys !== true && !(causal && mechanism.statistics))
    .filter(({ causal }) => !isRefused(mechanism, { sizes, causal, maxSeqLen: 163 })),
);

it.each(cases)("$name is basisFree: $says, causal: $causal", async ({ mechanism, causal, says }) => {
  const arrays = drawArrays(mechanism, { sizes, causal });
  const changedArrays = { ...arrays, q: changed(arrays.q, basis), k: changed(arrays.k, inverseTransposed, shift) };
  const error = relativeError(await attend(mechanism, causal, changedArrays), await attend(mechanism, causal, arrays));
  if (says) expect(error).toBeLessThan(1e-5);
  else expect(error).toBeGreaterThan(1e-2);
});
