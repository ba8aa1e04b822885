/**
 * The recurrent forms that exported decoders take: parts of any length, in float64, against one token after the other.
 */

import { describe, expect, it } from "vitest";

import { createMechanism, type MechanismChoice } from "../../src/attention/choice.ts";
import type { AttentionMechanism, RecurrentForm, RecurrentStep } from "../../src/attention/mechanism.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { mixedHeads } from "../../src/attention/mixed-heads.ts";
import { GraphError } from "../../src/graph/errors.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { nodesInOrder } from "../../src/graph/graph.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { concat, slice } from "../../src/ops/slicing.ts";
import { constant, input } from "../../src/ops/source.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { evaluateInFloat64, present, relativeError } from "../model/harness.ts";

const sizes = { B: 2, H: 2, D: 3, E: 3, M: 5 } as const;
const { B, H, D, M } = sizes;
const L = 12;
/** Single tokens first, between and last; a part that is longer than the window. */
const parts = [1, 6, 1, 3, 1];

const options: Readonly<Record<string, MechanismChoice>> = { local: { name: "local", window: 4 } };

const recurrent = Object.entries<AttentionMechanism>({
  ...mechanisms,
  "heads of several kinds": mixedHeads([
    { mechanism: createMechanism({ name: "local", window: 4 }), numHeads: 1 },
    { mechanism: mechanisms.favor, numHeads: 1 },
  ]),
}).flatMap(([name, mechanism]) => {
  const { recurrent: form, initialise } = options[name] === undefined ? mechanism : createMechanism(options[name]);
  // Statistics would have to be frozen; their adapted queries and keys go the same way.
  return form === undefined || mechanism.statistics !== undefined ? [] : [{ name, form, initialise }];
});

describe("anyLength", () => {
  it("is there for every recurrent mechanism but Transformer-XL, whose segments a part would have to know", () => {
    expect(recurrent.filter(({ form }) => form.anyLength === undefined).map(({ name }) => name)).toEqual([
      "transformer-xl",
    ]);
  });

  it("refuses a state without its log scale", () => {
    const { anyLength } = present(mechanisms.favor.recurrent);
    const x = input("x", [B, H, 1, D]);
    const sums = input("sums", [B, H, M, D + 1]);
    const step = () => anyLength?.extend(x, x, x, { sums }, { projection: input("projection", [M, D]) });
    expect(step).toThrow(GraphError);
    expect(step).toThrow("must have the state 'maximum', got none; use initialState");
  });
});

/** All outputs, `[B, H, L, D]`, in parts of the given lengths. */
function inParts(
  given: Readonly<Record<string, Tensor>>,
  initial: Readonly<Record<string, NdArray>>,
  step: RecurrentStep,
  lengths: readonly number[],
): Tensor {
  let state: Readonly<Record<string, Tensor>> = Object.fromEntries(
    Object.entries(initial).map(([name, array]) => [name, constant(array)]),
  );
  let start = 0;
  const outputs = lengths.map((length) => {
    const part = (x: Tensor | undefined) => slice(present(x), 2, start, start + length);
    const { q, k, v, projection } = given;
    const result = step(part(q), part(k), part(v), state, projection ? { projection } : {});
    state = result.state;
    start += length;
    return result.out;
  });
  return concat(outputs, 2);
}

function drawn(initialise: AttentionMechanism["initialise"], scaleOfKeys: number) {
  const random = createRandom(5, "any length");
  const normal = (scale: number) =>
    ndarray(fillNormal(random, new Float32Array(sizeOf([B, H, L, D])), scale), [B, H, L, D]);
  const own = initialise(random, { headDim: D, numFeatures: M, numHeads: H });
  const arrays: Record<string, NdArray> = { q: normal(1), k: normal(scaleOfKeys), v: normal(1), ...own };
  const tensors = Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, input(name, shape)]));
  return { arrays, tensors };
}

describe.each(recurrent.filter(({ form }) => form.anyLength !== undefined))("anyLength of $name", (each) => {
  const form: RecurrentForm = each.form;
  const anyLength = present(form.anyLength);
  const initial = form.initialState(sizes);

  it.each([1, 30])("gives what single steps give, keys of size %d", (scaleOfKeys) => {
    const { arrays, tensors } = drawn(each.initialise, scaleOfKeys);
    const outputs = {
      steps: inParts(tensors, initial, form.step, Array<number>(L).fill(1)),
      parts: inParts(tensors, anyLength.initialState(sizes), anyLength.extend, parts),
      whole: inParts(tensors, anyLength.initialState(sizes), anyLength.extend, [L]),
    };
    const results = evaluateInFloat64(outputs, arrays);
    expect(relativeError(results["parts"]?.data, present(results["steps"]).data)).toBeLessThan(1e-9);
    expect(relativeError(results["whole"]?.data, present(results["steps"]).data)).toBeLessThan(1e-9);
  });

  it("has the same nodes at any length but one, at which some fall away", () => {
    const { arrays } = drawn(each.initialise, 1);
    const projection = arrays["projection"] && input("projection", arrays["projection"].shape);
    const nodes = [2, 5, 31].map((length) => {
      const x = input("x", [B, H, length, D]);
      const state = Object.fromEntries(
        Object.entries(anyLength.initialState(sizes)).map(([name, { shape }]) => [name, input(name, shape)]),
      );
      const { out, state: next } = anyLength.extend(x, x, x, state, projection ? { projection } : {});
      return nodesInOrder([out, ...Object.values(next)]).map(({ op }) => op.name);
    });
    expect(nodes[1]).toEqual(nodes[0]);
    expect(nodes[2]).toEqual(nodes[0]);
  });
});
