/** Sparse patterns against dense float64 twins, against the future, and with a state in place of the past. */
import { describe, expect, it } from "vitest";
import { createMechanism } from "../../src/attention/choice.ts";
import { naivePatterns, naiveSparse } from "./naive-sparse.ts";
import { transformerXl } from "../../src/attention/sparse/transformer-xl.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { describeNoFuture, describeRecurrent } from "./causality.ts";
import { drawArrays, moved, naiveOutput, runMechanism } from "./conformance.ts";
import { sparseSubjects } from "./sparse-subjects.ts";
import { cases, describeConformance } from "./subjects.ts";

const segments = { segmentLength: 29, memoryLength: 37 };
const memory = transformerXl.create(segments);

const { "causal, odd length over several chunks": _causal, "causal, large norms": _large, ...telling } = cases;
const { "local, a window of one": one, ...others } = sparseSubjects;

describe("local, a window of one", () => {
  const few = ["causal, one token", "bidirectional, padded keys"];
  describeConformance(one, Object.fromEntries(Object.entries(cases).filter(([label]) => few.includes(label))));
  if (one.mechanism.recurrent) describeRecurrent({ ...one.mechanism, recurrent: one.mechanism.recurrent }, {});
});

describe.each(Object.entries(others))("%s", (_, subject) => {
  describeConformance(subject, telling);
  describeNoFuture(subject.mechanism, { cuts: [64, 97] });
  const { recurrent } = subject.mechanism;
  if (recurrent) describeRecurrent({ ...subject.mechanism, recurrent }, {});
});

describe("transformer-xl, no gradients into the memory", () => {
  const { recurrent } = memory;
  if (recurrent) describeRecurrent({ ...memory, recurrent }, {});

  it("has the gradients of its twin with the memory held", async () => {
    const L = 139;
    const test = { sizes: { B: 1, H: 2, L, S: L, D: 5, E: 3, M: 7 }, causal: true };
    const arrays = drawArrays(memory, test);
    const results = await runMechanism(memory, test, arrays);
    const step = 1e-5;
    for (const name of ["k", "v"] as const) {
      const direction = fillNormal(createRandom(11, name), new Float64Array(arrays[name].data.length));
      const at = (sign: number) => {
        const there = { ...arrays, [name]: moved(arrays[name], direction, sign * step) };
        return heldMemory(arrays, there, test).reduce((sum, x, i) => sum + x * Number(arrays.dOut.data[i]), 0);
      };
      const slope = (at(1) - at(-1)) / (2 * step);
      const along = direction.reduce((sum, d, i) => sum + d * Number(results[`d${name}`].data[i]), 0);
      const scale = direction.reduce((sum, d, i) => sum + Math.abs(d * Number(results[`d${name}`].data[i])), 0);
      expect(Math.abs(along - slope), name).toBeLessThan(1e-4 * scale);
    }
  });
});

/** The twin, whose keys and values are moved in the query's own segment only. */
function heldMemory(
  held: ReturnType<typeof drawArrays>,
  given: ReturnType<typeof drawArrays>,
  test: Parameters<typeof drawArrays>[1],
): Float64Array {
  const pattern = naivePatterns.transformerXl(segments);
  const { H } = test.sizes;
  let head = 0;
  const rowsOf = (array: typeof held.k) => {
    const [, , L = 0, width = 0] = array.shape;
    const start = head * L * width;
    return Array.from({ length: L }, (_, t) =>
      Array.from({ length: width }, (_, d) => Number(array.data[start + t * width + d])),
    );
  };
  return naiveOutput(
    (q, k, v, options) => {
      const [heldK, heldV] = [rowsOf(held.k), rowsOf(held.v)];
      head = (head + 1) % H;
      return q.flatMap((row, t) => {
        const segment = Math.floor(t / segments.segmentLength);
        const own = (s: number) => Math.floor(s / segments.segmentLength) === segment;
        const pick = (moving: typeof k, still: typeof heldK) => moving.map((x, s) => (own(s) ? x : (still[s] ?? x)));
        const sees = (_: number, s: number) => pattern(t, s) && s <= t;
        return naiveSparse(sees, [row], pick(k, heldK), pick(v, heldV), { ...options, causal: false });
      });
    },
    test,
    given,
  );
}

describe("mixed heads", () => {
  const mixed = createMechanism({
    heads: [
      { name: "local", window: 19, numHeads: 1 },
      { name: "favor", numHeads: 1 },
      { name: "transformer-xl", ...segments, numHeads: 1 },
    ],
  });
  describeNoFuture(mixed, { cuts: [64, 97] });
  const { recurrent } = mixed;
  if (recurrent) describeRecurrent({ ...mixed, recurrent }, {});
});
