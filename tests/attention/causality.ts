/**
 * What causal mechanisms must fulfil: no future leaks, and a state in place of the past changes nothing but rounding.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { backpropagate } from "../../src/autodiff/gradients.ts";
import { ndarray, toFloat64, type NdArray } from "../../src/graph/ndarray.ts";
import { mapValues } from "../../src/graph/records.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { concat, slice } from "../../src/ops/slicing.ts";
import { constant, input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { present } from "../model/harness.ts";
import { drawArrays, frozenStatistics, relativeError, runMechanism, type AttentionCase } from "./conformance.ts";

const sizes = { B: 2, H: 3, D: 5, E: 7, M: 11 } as const;
const L = 151;

export interface CausalityOptions {
  /** What follows from these positions on is changed. */
  readonly cuts: readonly number[];
  /** Norms of queries and keys, for mechanisms whose denominators may vanish. */
  readonly near?: Pick<AttentionCase, "scale" | "mean">;
  /** Largest relative difference between the forms. Default 1e-5: rounding. */
  readonly tolerance?: number;
}

/** Positions 0 … length − 1 of axis 2. */
function prefix({ shape, data }: NdArray, length: number): NdArray {
  const [B = 0, H = 0, from = 0, D = 0] = shape;
  const rows = Array.from({ length: B * H }, (_, row) =>
    Array.from({ length: length * D }, (_, i) => Number(data[row * from * D + i])),
  );
  return ndarray(Float32Array.from(rows.flat()), [B, H, length, D]);
}

function withTail(array: NdArray, from: number, value: (i: number) => number): NdArray {
  const [, , length = 0, D = 0] = array.shape;
  const data = Float32Array.from(array.data as Float32Array, (x, i) =>
    Math.floor(i / D) % length >= from ? value(i) : x,
  );
  return ndarray(data, array.shape);
}

/** The outputs before a change are bit-identical, whatever changes and wherever the sequence ends. */
export function describeNoFuture(mechanism: AttentionMechanism, { cuts, near }: CausalityOptions): void {
  const test = { sizes: { ...sizes, L, S: L }, causal: true, maxSeqLen: 2 * L, ...near };

  it.each(cuts)("outputs before position %i are bit-identical whatever follows", async (cut) => {
    const arrays = drawArrays(mechanism, test);
    const original = await runMechanism(mechanism, test, arrays);
    // Norms up to a thousand times larger: a maximum that looked ahead would change every bit.
    const wild = (i: number) => 300 * Math.sin(i * i);
    const [q, k, v] = [arrays.q, arrays.k, arrays.v].map((array) => withTail(array, cut, wild));
    const changed = { ...arrays, q: present(q), k: present(k), v: present(v) };
    const other = await runMechanism(mechanism, test, changed);
    expect(prefix(other.out, cut).data).toEqual(prefix(original.out, cut).data);
  });

  it("outputs of a prefix alone are bit-identical to those of the longer sequence", async () => {
    const arrays = drawArrays(mechanism, test);
    const whole = await runMechanism(mechanism, test, arrays);
    const length = 83;
    const { q, k, v, dOut, ...rest } = arrays;
    const cut = { q: prefix(q, length), k: prefix(k, length), v: prefix(v, length), dOut: prefix(dOut, length) };
    const shorter = { ...test, sizes: { ...sizes, L: length, S: length } };
    const part = await runMechanism(mechanism, shorter, { ...cut, ...rest });
    expect(part.out.data).toEqual(prefix(whole.out, length).data);
  });
}

/**
 * With its state, a mechanism is what it is over the whole sequence: in parts with their gradients, and token by token.
 */
export function describeRecurrent(
  mechanism: AttentionMechanism,
  { near, tolerance = 1e-5 }: Pick<CausalityOptions, "near" | "tolerance">,
): void {
  const test = { sizes: { ...sizes, L, S: L }, causal: true, ...near };
  const recurrent = present(mechanism.recurrent, `the recurrent form of ${mechanism.name}`);
  const statistics = frozenStatistics(mechanism, sizes);
  const { B, H, D, E, M } = sizes;
  const options = { projection: input("projection", [M, D]), ...(statistics && { statistics }) };

  it("in two parts, joined by the state, has the outputs and gradients of the whole", async () => {
    const arrays = drawArrays(mechanism, test);
    const whole = await runMechanism(mechanism, test, arrays);
    const all = { q: input("q", [B, H, L, D]), k: input("k", [B, H, L, D]), v: input("v", [B, H, L, E]) };
    // Neither part is a whole number of chunks.
    let state = mapValues(recurrent.initialState({ B, H, D, E, M }), constant);
    const parts = [0, 83].map((start, part) => {
      const cut = (x: Tensor) => slice(x, 2, start, part === 0 ? 83 : L);
      const extended = recurrent.extend(cut(all.q), cut(all.k), cut(all.v), state, options);
      state = mapValues(extended.state, (tensor) => present(tensor));
      return extended.out;
    });
    const out = concat(parts, 2);
    const [dq, dk, dv] = backpropagate([out], [input("dOut", [B, H, L, E])], [all.q, all.k, all.v]);
    const outputs = { out, dq: present(dq), dk: present(dk), dv: present(dv) };
    await using run = await createBackend().compile({ outputs });
    const { q, k, v, dOut, projection } = arrays;
    const joined = await run.run(feedsFor(run, { q, k, v, dOut, projection }));
    for (const name of ["out", "dq", "dk", "dv"] as const) {
      expect(relativeError(present(joined[name]).data, toFloat64(whole[name])), name).toBeLessThan(tolerance);
    }
  });

  it("is token by token what it is in one go", async () => {
    const arrays = drawArrays(mechanism, test);
    const whole = await runMechanism(mechanism, test, arrays);
    let state = recurrent.initialState({ B, H, D, E, M });
    const inputs = Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, input(name, shape)]));
    const token = { q: input("q", [B, H, 1, D]), k: input("k", [B, H, 1, D]), v: input("v", [B, H, 1, E]) };
    const step = recurrent.step(token.q, token.k, token.v, inputs, options);
    const next = Object.fromEntries(Object.entries(step.state).map(([name, tensor]) => [`next.${name}`, tensor]));
    await using run = await createBackend().compile({ outputs: { out: step.out, ...next } });
    const outputs = new Float64Array(sizeOf([B, H, L, E]));
    for (let t = 0; t < L; t++) {
      const at = ({ shape, data }: NdArray) => {
        const width = shape[3] ?? 0;
        return Float32Array.from({ length: B * H * width }, (_, i) =>
          Number(data[(Math.floor(i / width) * L + t) * width + (i % width)]),
        );
      };
      const { projection } = arrays;
      const feeds = { q: at(arrays.q), k: at(arrays.k), v: at(arrays.v), ...state, projection };
      const results = await run.run(feedsFor(run, feeds));
      state = Object.fromEntries(Object.keys(state).map((name) => [name, present(results[`next.${name}`])]));
      present(results["out"]).data.forEach((value, i) => {
        outputs[(Math.floor(i / E) * L + t) * E + (i % E)] = Number(value);
      });
    }
    expect(relativeError(whole.out.data, outputs)).toBeLessThan(tolerance);
  });
}

/** Both, under the mechanism's name. */
export function describeCausality(mechanism: AttentionMechanism, options: CausalityOptions): void {
  describe(mechanism.name, () => {
    describeNoFuture(mechanism, options);
    describeRecurrent(mechanism, options);
  });
}
