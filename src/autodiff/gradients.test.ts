/** The reverse walk: totals and partials, refusals, derivatives of derivatives. */

import { describe, expect, it } from "vitest";
import { GraphError, problem } from "../graph/errors.ts";
import { nodesInOrder } from "../graph/graph.ts";
import type { ReferenceArray } from "../graph/op-rule.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cast } from "../ops/compare.ts";
import { logSoftmax, square } from "../ops/composed.ts";
import { abs, add, atLeast, exp, maximum, mul, neg, relu, tanh } from "../ops/elementwise.ts";
import { gelu } from "../ops/gelu.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { max } from "../ops/maximum-along.ts";
import { layerNorm, softmax } from "../ops/normalize.ts";
import { sum } from "../ops/reduce.ts";
import { scan } from "../ops/scan.ts";
import { split } from "../ops/slicing.ts";
import { input, stopGradient } from "../ops/source.ts";
import { createRandom } from "../random/generator.ts";
import { evaluate } from "../runtime/reference.ts";
import { customGradient } from "./custom-gradient.ts";
import { backpropagate, gradients } from "./gradients.ts";

/** Difference over the size of the expected value, for central differences in float64. */
const FINITE_DIFFERENCES = 1e-7;

function valuesAt(tensors: readonly Tensor[], given: readonly (readonly [Tensor, readonly number[]])[]): number[][] {
  const arrays = new Map(
    given.map(([tensor, data]): [Tensor, ReferenceArray] => [
      tensor,
      { shape: tensor.shape, data: Float64Array.from(data) },
    ]),
  );
  return evaluate(tensors, arrays).map(({ data }) => [...data]);
}

describe("gradients", () => {
  it("refuses a loss with more than one element", () => {
    const x = input("x", [3]);
    expect(() => gradients(square(x), [x])).toThrow(
      new GraphError(problem`gradients: the loss must have one element, got [3]; sum or average it`),
    );
  });

  it("refuses an op without gradient, with its reason and path", () => {
    const x = input("x", [3]);
    const loss = scope("performer", () => sum(atLeast(x, 0)));
    expect(() => gradients(loss, [x])).toThrow(
      new GraphError(
        problem`gradients: AtLeast has no gradient (a comparison is piecewise constant), at performer/AtLeast; use stopGradient, or another op`,
      ),
    );
    expect(() => gradients(sum(cast(cast(x, "int32"), "float32")), [x])).toThrow(
      "gradients: Cast has no gradient (it converts from or to integers or booleans), at Cast",
    );
  });

  it("passes by an op without gradient that does not depend on what is asked for", () => {
    const x = input("x", [3]);
    const w = input("w", [3]);
    const [dx] = gradients(sum(mul(x, atLeast(w, 0))), [x]);
    expect(
      valuesAt(
        [dx],
        [
          [x, [1, 2, 3]],
          [w, [-1, 0, 1]],
        ],
      ),
    ).toEqual([[0, 1, 1]]);
  });

  it("is zero for what the loss does not depend on, or only behind stopGradient", () => {
    const x = input("x", [3]);
    const w = input("w", [2, 5]);
    const [dw, dx] = gradients(sum(stopGradient(exp(x))), [w, x]);
    expect(dw.shape).toEqual([2, 5]);
    expect(valuesAt([dw, dx], [])).toEqual([Array.from({ length: 10 }, () => 0), [0, 0, 0]]);
  });

  it("adds up all ways from a tensor to the loss", () => {
    const x = input("x", []);
    const [dx] = gradients(add(mul(x, x), add(x, x)), [x]);
    expect(valuesAt([dx], [[x, [3]]])).toEqual([[8]]);
  });

  it("is total: by x it also counts what goes through another of the tensors asked for", () => {
    const x = input("x", [2]);
    const y = square(x);
    const [dx, dy] = gradients(sum(mul(y, 5)), [x, y]);
    expect(valuesAt([dx, dy], [[x, [3, 7]]])).toEqual([
      [30, 70],
      [5, 5],
    ]);
  });

  it("refuses to differentiate by a reshaped or transposed value, which later ones may skip", () => {
    const x = input("x", [2, 3]);
    expect(() => gradients(sum(x), [reshape(x, [6])])).toThrow(GraphError);
    expect(() => gradients(sum(x), [transpose(x, [1, 0])])).toThrow("which later ones skip, got Transpose");
  });

  it("is 1 for the loss itself", () => {
    const loss = sum(input("x", [3]));
    expect(valuesAt(gradients(loss, [loss]), [])).toEqual([[1]]);
  });

  it("walks back over a chain of 5,000 nodes", () => {
    const x = input("x", []);
    let y = x;
    for (let count = 0; count < 5000; count++) y = neg(y);
    expect(valuesAt(gradients(y, [x]), [[x, [1]]])).toEqual([[1]]);
  });

  it("names the op behind each node of the backward pass in its path", () => {
    const x = input("x", [3]);
    const loss = scope("performer", () => sum(tanh(x)));
    const paths = nodesInOrder(gradients(loss, [x])).map(({ path }) => path);
    expect(paths).toContain("performer/Tanh.gradient/Mul");
  });
});

describe("ties and kinks", () => {
  const x = input("x", [3]);
  it.each([
    ["maximum gives all to its first operand", maximum(x, 2), [0, 1, 1]],
    ["maximum gives nothing to its second", maximum(2, x), [0, 0, 1]],
    ["max shares", max(stopGradientAt(x)), [0, 0, 1]],
    ["abs has slope 0 at 0", abs(add(x, -2)), [-1, 0, 1]],
    ["relu has slope 0 at 0", relu(add(x, -2)), [0, 0, 1]],
  ] as const)("%s", (_name, y, expected) => {
    expect(valuesAt(gradients(sum(y), [x]), [[x, [1, 2, 3]]])).toEqual([expected]);
  });

  it("max shares the gradient among entries that tie", () => {
    expect(valuesAt(gradients(max(x), [x]), [[x, [4, 1, 4]]])).toEqual([[0.5, 0, 0.5]]);
  });
});

function stopGradientAt(x: Tensor): Tensor {
  return add(x, stopGradient(x));
}

describe("backpropagate", () => {
  it("is partial: what goes through another of the tensors asked for does not count", () => {
    const x = input("x", [2]);
    const y = square(x);
    const [dx, dy = x] = backpropagate([add(mul(y, 5), x)], [stopGradient(y)], [x, y]);
    expect(valuesAt([dx ?? x, dy], [[x, [2, 3]]])).toEqual([
      [4, 9],
      [20, 45],
    ]);
  });

  it("does not go behind one output of a node when another leads to it", () => {
    const x = input("x", [5]);
    const [a = x, b = x] = split(x, 0, [2, 3]);
    const [da = x, dx = x] = backpropagate([sum(b), sum(a)], [sum(b), sum(a)], [a, x]);
    expect(valuesAt([da, dx], [[x, [1, 2, 3, 4, 5]]])).toEqual([
      [3, 3],
      [0, 0, 12, 12, 12],
    ]);
  });

  it("leaves out what no output depends on", () => {
    const x = input("x", [2]);
    expect(backpropagate([sum(x)], [undefined], [x])).toEqual([undefined]);
    expect(backpropagate([sum(x)], [sum(x)], [input("w", [2])])).toEqual([undefined]);
  });
});

describe("second derivatives", () => {
  it("of x³ are 6x, third ones 6", () => {
    const x = input("x", [3]);
    const [first] = gradients(sum(mul(x, mul(x, x))), [x]);
    const [second] = gradients(sum(first), [x]);
    const [third] = gradients(sum(second), [x]);
    expect(valuesAt([first, second, third], [[x, [1, 2, -3]]])).toEqual([
      [3, 12, 27],
      [6, 12, -18],
      [6, 6, 6],
    ]);
  });

  const functions: readonly (readonly [name: string, (x: Tensor) => Tensor])[] = [
    ["softmax", softmax],
    ["logSoftmax", logSoftmax],
    ["gelu", gelu],
    ["layerNorm", (x) => layerNorm(x, input("scale", [5]), input("bias", [5]))],
    ["matmul", (x) => matmul(x, tanh(x), { transposeB: true })],
    ["relu", (x) => relu(mul(x, x))],
    ["max", (x) => mul(max(x, { axes: [-1] }), max(x, { axes: [-1] }))],
    [
      "scan",
      (x) => {
        const [state = x] = split(x, 0, [1, 2]);
        return scan({
          carry: { s: reshape(state, [5]) },
          sequences: { x },
          body: ({ s }, { x: item }) => ({ carry: { s: tanh(mul(s, add(item, max(x)))) }, outputs: {} }),
        }).carry.s;
      },
    ],
  ];

  it.each(functions)("of %s are those of finite differences of first ones", (name, build) => {
    const random = createRandom(7, name);
    const x = input("x", [3, 5]);
    const y = build(x);
    const loss = sum(mul(y, tanh(y)));
    const [dx] = gradients(loss, [x]);
    const slope = sum(square(dx));
    const [ddx] = gradients(slope, [x]);
    const others = nodesInOrder([slope]).flatMap(({ op, outputs }) => (op.name === "Input" ? outputs : []));
    const draw = ({ shape }: Tensor) => Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
    const given = others.filter((tensor) => tensor !== x).map((tensor) => [tensor, draw(tensor)] as const);
    const at = draw(x);
    const direction = draw(x);
    const step = 1e-5;
    const slopeAt = (distance: number) => {
      const moved = at.map((value, index) => value + distance * (direction[index] ?? 0));
      return valuesAt([slope], [...given, [x, moved]])[0]?.[0] ?? Number.NaN;
    };
    const terms = (valuesAt([ddx], [...given, [x, at]])[0] ?? []).map(
      (value, index) => value * (direction[index] ?? 0),
    );
    const found = terms.reduce((a, b) => a + b, 0);
    const size = terms.reduce((a, b) => a + Math.abs(b), 0);
    const expected = (slopeAt(step) - slopeAt(-step)) / (2 * step);
    expect(Math.abs(found - expected) / size).toBeLessThan(FINITE_DIFFERENCES);
  });
});

describe("customGradient", () => {
  it("takes the written rule in place of the walk, for each output that has a gradient", () => {
    const x = input("x", [2]);
    const { y } = customGradient(
      { x },
      ({ x }) => ({ y: atLeast(x, 0), unread: exp(x) }),
      ({ y: dy, unread }) => ({
        x: unread === undefined && dy ? mul(dy, 7) : undefined,
      }),
    );
    expect(valuesAt([y, ...gradients(sum(y), [x])], [[x, [-1, 1]]])).toEqual([
      [0, 1],
      [7, 7],
    ]);
  });

  it("gives nothing to inputs that the rule leaves out", () => {
    const x = input("x", [2]);
    const w = input("w", [2]);
    const { y } = customGradient(
      { x, w },
      ({ x, w }) => ({ y: mul(x, w) }),
      ({ y: dy }) => ({ x: dy }),
    );
    expect(
      valuesAt(gradients(sum(y), [x, w]), [
        [x, [1, 2]],
        [w, [3, 4]],
      ]),
    ).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  it("refuses a gradient of another shape, with the path", () => {
    const x = input("x", [2]);
    const { y } = scope("features", () =>
      customGradient(
        { x },
        ({ x }) => ({ y: exp(x) }),
        () => ({ x: input("g", [3]) }),
      ),
    );
    expect(() => gradients(sum(y), [x])).toThrow(
      "gradients: CustomGradient must return a gradient of its input's shape [2], got [3], at features/CustomGradient",
    );
  });
});
