/** What must hold to the bit: no future leaks, padding behind the end changes nothing, and chunked equals recurrent. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { favorMechanisms } from "../../src/attention/favor/favor.ts";
import { backpropagate } from "../../src/autodiff/gradients.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { mapValues } from "../../src/graph/records.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { concat, slice } from "../../src/ops/slicing.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { constant, input } from "../../src/ops/source.ts";
import { present } from "../model/harness.ts";
import { drawArrays, frozenStatistics, relativeError, runMechanism, type Arrays } from "./conformance.ts";

const sizes = { B: 2, H: 3, D: 5, E: 7, M: 11 } as const;

/** Positions 0 … length − 1 of axis 2. */
function prefix({ shape, data }: NdArray, length: number): NdArray {
  const [B = 0, H = 0, L = 0, D = 0] = shape;
  const rows = Array.from({ length: B * H }, (_, row) =>
    Array.from({ length: length * D }, (_, i) => Number(data[row * L * D + i])),
  );
  return ndarray(Float32Array.from(rows.flat()), [B, H, length, D]);
}

function withTail(array: NdArray, from: number, value: (i: number) => number): NdArray {
  const [, , L = 0, D = 0] = array.shape;
  const data = Float32Array.from(array.data as Float32Array, (x, i) => (Math.floor(i / D) % L >= from ? value(i) : x));
  return ndarray(data, array.shape);
}

/** One of every kind of features, of two features a row, and of frozen statistics. */
const { favor, "favor-relu": relu, "favor-hyperbolic": hyperbolic, "favor-saderf": saderf } = favorMechanisms;
const trigonometric = favorMechanisms["favor-trigonometric"];

describe.each([favor, relu, hyperbolic, saderf, trigonometric])("$name", (mechanism) => {
  const L = 151;
  // Features of either sign: a short way from the origin, where denominators stay away from 0.
  const near = mechanism.map.positive ? {} : { scale: 0.2, mean: 0.7 };
  const test = { sizes: { ...sizes, L, S: L }, causal: true, ...near };

  const cuts = mechanism === favor ? [1, 63, 64, 97, 150] : [64, 97];

  it.each(cuts)("outputs before position %i are bit-identical whatever follows", async (cut) => {
    const arrays = drawArrays(mechanism, test);
    const original = await runMechanism(mechanism, test, arrays);
    // Norms up to a thousand times larger: a maximum that looked ahead would change every bit.
    const wild = (i: number) => 300 * Math.sin(i * i);
    const changed: Arrays = {
      ...arrays,
      q: withTail(arrays.q, cut, wild),
      k: withTail(arrays.k, cut, wild),
      v: withTail(arrays.v, cut, wild),
    };
    const other = await runMechanism(mechanism, test, changed);
    expect(prefix(other.out, cut).data).toEqual(prefix(original.out, cut).data);
  });

  it("outputs of a prefix alone are bit-identical to those of the longer sequence", async () => {
    const arrays = drawArrays(mechanism, test);
    const whole = await runMechanism(mechanism, test, arrays);
    const length = 83;
    const { q, k, v, dOut, ...rest } = arrays;
    const cut = { q: prefix(q, length), k: prefix(k, length), v: prefix(v, length), dOut: prefix(dOut, length) };
    const part = await runMechanism(
      mechanism,
      { ...test, sizes: { ...sizes, L: length, S: length } },
      { ...cut, ...rest },
    );
    expect(part.out.data).toEqual(prefix(whole.out, length).data);
  });

  it("in two parts, joined by the state, has the outputs and gradients of the whole", async () => {
    const arrays = drawArrays(mechanism, test);
    const whole = await runMechanism(mechanism, test, arrays);
    const { B, H, D, E, M } = sizes;
    const { recurrent } = mechanism;
    const statistics = frozenStatistics(mechanism, sizes);
    const options = { projection: input("projection", [M, D]), ...(statistics && { statistics }) };
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
    const { keyMask: _none, ...feeds } = arrays;
    const joined = await run.run(feeds);
    for (const name of ["out", "dq", "dk", "dv"] as const) {
      const tolerance = (mechanism.map.positive ? 1 : 100) * 1e-5;
      expect(relativeError(present(joined[name]).data, Float64Array.from(whole[name].data, Number)), name).toBeLessThan(
        tolerance,
      );
    }
  });

  it("is token by token what it is in chunks", async () => {
    const arrays = drawArrays(mechanism, test);
    const chunked = await runMechanism(mechanism, test, arrays);
    const { B, H, D, E, M } = sizes;
    const { recurrent } = mechanism;
    const frozen = frozenStatistics(mechanism, sizes);
    let state = recurrent.initialState({ B, H, D, E, M });
    const projection = input("projection", [M, D]);
    const step = recurrent.step(
      input("q", [B, H, 1, D]),
      input("k", [B, H, 1, D]),
      input("v", [B, H, 1, E]),
      Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, input(name, shape)])),
      { projection, ...(frozen && { statistics: frozen }) },
    );
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
      const feeds = { q: at(arrays.q), k: at(arrays.k), v: at(arrays.v), ...state };
      const results = await run.run({ ...feeds, projection: arrays.projection ?? new Float32Array(0) });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, results[`next.${name}`] as NdArray]));
      results["out"]?.data.forEach((value, i) => {
        outputs[(Math.floor(i / E) * L + t) * E + (i % E)] = Number(value);
      });
    }
    // Where features of either sign cancel, rounding shows more.
    expect(relativeError(chunked.out.data, outputs)).toBeLessThan(mechanism.map.positive ? 1e-5 : 1e-3);
  });
});
