/** Attention by sums and mixtures of keys: conformance, causality, and the summaries of keys that a decoder keeps. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { LOG_ZERO } from "../../src/attention/favor/normalized.ts";
import type { WindowRow } from "../../src/attention/mechanism.ts";
import { naivePseudoInverse } from "./naive-low-rank.ts";
import { toFloat64 } from "../../src/graph/ndarray.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { concat, slice } from "../../src/ops/slicing.ts";
import { constant, full, input } from "../../src/ops/source.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { present } from "../model/harness.ts";
import { describeCausality } from "./causality.ts";
import { drawArrays, relativeError, runMechanism } from "./conformance.ts";
import { bySummary, lowRankSubjects } from "./low-rank.ts";
import { cases, describeConformance, mapCases, mapSubjects, type Subject } from "./subjects.ts";

describe.each(Object.entries(lowRankSubjects))("%s", (_, subject) => describeConformance(subject, cases));

const { linear, cosformer, efficient, linformer } = lowRankSubjects;

describeCausality(linear.mechanism, { cuts: [1, 64, 97] });
describeCausality(cosformer.mechanism, { cuts: [1, 64, 97] });

describe("linear, decoded with a window", () => {
  it("is what it is in one go", async () => {
    const { apply, recurrent } = linear.mechanism;
    const { attend, fold, featuresOf } = recurrent.windowed;
    const [B, H, L, D, E, W] = [2, 3, 11, 5, 7, 4];
    const M = featuresOf(13, D);
    expect(M).toBe(D);
    const [q, k, v] = [input("q", [B, H, L, D]), input("k", [B, H, L, D]), input("v", [B, H, L, E])];
    const values = concat([v, full([B, H, L, 1], 1)], -1);
    let sums = constant(present(recurrent.initialState({ B, H, D, E, M: 13 })["sums"]));
    let scale: Tensor = full([B, H, 1, 1], LOG_ZERO);
    let rows: WindowRow[] = [];
    const stateNow = () => {
      const empty = W - rows.length;
      const filled = (of: (row: WindowRow) => Tensor, axis: number, width: number, value: number) => {
        const shape = axis === 2 ? [B, H, empty, width] : [B, H, 1, empty];
        return concat([...rows.map(of), ...(empty > 0 ? [full(shape, value)] : [])], axis);
      };
      return {
        sums,
        keys: filled(({ key }) => key, 2, M, 0),
        values: filled(({ value }) => value, 2, E + 1, 0),
        logScales: concat([scale, filled(({ logScale }) => logScale, 3, 1, LOG_ZERO)], 3),
      };
    };
    const outs = Array.from({ length: L }, (_, t) => {
      const at = (x: Tensor) => slice(x, 2, t, t + 1);
      const { out, row } = attend(concat([at(q), at(k)], 1), at(values), undefined, stateNow());
      rows.push(row);
      if (rows.length === W) {
        ({ sums, maximum: scale } = fold(stateNow()));
        rows = [];
      }
      return out;
    });
    const outputs = { decoded: concat(outs, 2), whole: apply(q, k, v, { causal: true }) };
    await using run = await createBackend().compile({ outputs });
    const {
      q: queries,
      k: keys,
      v: given,
    } = drawArrays(linear.mechanism, { sizes: { B, H, L, S: L, D, E, M }, causal: true });
    const { decoded, whole } = await run.run({ q: queries, k: keys, v: given });
    expect(relativeError(present(decoded).data, toFloat64(present(whole)))).toBeLessThan(1e-5);
  });
});

const { positive, hyperbolic, trigonometric, relu, exp } = mapSubjects;

describe.each(Object.entries({ linear, efficient, linformer, positive, relu }))(
  "%s, by the summary of its keys",
  (_, subject) => describeConformance(bySummary(subject), cases),
);

describe.each(Object.entries({ positive, hyperbolic, trigonometric, exp }))(
  "the map %s, by the summary of its keys",
  (_, subject) => describeConformance(bySummary(subject), mapCases),
);

describe.each(Object.entries({ linear, efficient, linformer, positive, exp }))(
  "the summary of %s",
  (_, { mechanism }: Subject) => {
    const [B, H, D, E, M] = [2, 3, 5, 7, 11];

    it("has a size that does not depend on the number of keys", () => {
      const sizes = [3, 2099].map((S) => {
        const own = mechanism.parameters?.({ numHeads: H, headDim: D, maxSeqLen: 3000 }) ?? {};
        const parameters = Object.fromEntries(
          Object.entries(own).map(([name, { shape }]) => [name, input(name, shape)]),
        );
        const [k, v] = [input("k", [B, H, S, D]), input("v", [B, H, S, E])];
        const summary = present(mechanism.summarised).summarise(k, v, {
          projection: input("projection", [M, D]),
          parameters,
        });
        return Object.values(summary).reduce((total, { shape }) => total + sizeOf(shape), 0);
      });
      expect(sizes[0]).toBe(sizes[1]);
    });

    it("over several chunks gives what apply gives, and its gradients, in both forms", async () => {
      const test = { sizes: { B, H, L: 13, S: 2099, D, E, M }, causal: false, realKeys: [2099, 1031] };
      const arrays = drawArrays(mechanism, test);
      const expected = await runMechanism(mechanism, test, arrays);
      for (const form of ["scan", "parallel"] as const) {
        const actual = await runMechanism(
          bySummary({ mechanism, twin: linear.twin }).mechanism,
          { ...test, form },
          arrays,
        );
        for (const name of ["out", "dq", "dk", "dv"] as const) {
          expect(relativeError(actual[name].data, toFloat64(expected[name])), `${form} ${name}`).toBeLessThan(1e-4);
        }
      }
    });
  },
);

describe("the pseudo-inverse between landmarks", () => {
  /** Rows that sum to 1, as those of a softmax over inner products of random rows, each a mean of `segment` tokens. */
  function landmarkAttention(m: number, headDim: number, segment: number): number[][] {
    const draw = (name: string) =>
      fillNormal(createRandom(3, name), new Float64Array(m * headDim), 1 / Math.sqrt(segment));
    const [q, k] = [draw("q"), draw("k")];
    return Array.from({ length: m }, (_row, i) => {
      const powers = Array.from({ length: m }, (_column, j) => {
        let score = 0;
        for (let d = 0; d < headDim; d++) score += (q[i * headDim + d] ?? 0) * (k[j * headDim + d] ?? 0);
        return Math.exp(score / Math.sqrt(headDim));
      });
      const all = powers.reduce((total, power) => total + power, 0);
      return powers.map((power) => power / all);
    });
  }

  const frobenius = (rows: readonly (readonly number[])[]) => Math.hypot(...rows.flat());
  const times = (A: readonly number[][], B: readonly number[][]) =>
    A.map((row) => (B[0] ?? []).map((_, j) => row.reduce((all, a, i) => all + a * (B[i]?.[j] ?? 0), 0)));

  it("comes nearer to A A⁺ A = A with every iteration", () => {
    const A = landmarkAttention(16, 8, 1);
    const errors = [1, 3, 6, 12, 20].map((iterations) => {
      const projected = times(times(A, naivePseudoInverse(A, iterations)), A);
      return frobenius(projected.map((row, i) => row.map((x, j) => x - (A[i]?.[j] ?? 0)))) / frobenius(A);
    });
    errors.slice(1).forEach((error, index) => expect(error).toBeLessThan(present(errors[index])));
    expect(errors.at(-1)).toBeLessThan(1e-6);
  });
});
