/** The graph as a value: order, listings, paths in errors. */

import { describe, expect, it } from "vitest";
import { add, mul, neg } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { split } from "../ops/slicing.ts";
import { input, scalar } from "../ops/source.ts";
import { GraphError, ShapeError, problem } from "./errors.ts";
import { expectOutputs, nodesInOrder, printGraph } from "./graph.ts";
import { currentPath, scope } from "./scope.ts";

describe("nodesInOrder", () => {
  it("puts each node once, behind what it reads", () => {
    const x = input("x", [3]);
    const y = neg(x);
    const z = mul(add(y, x), add(x, y));
    const order = nodesInOrder([z, y]);
    expect(new Set(order).size).toBe(order.length);
    expect(order.map(({ op }) => op.name)).toEqual(["Input", "Neg", "Add", "Add", "Mul"]);
    order.forEach((node, position) => {
      for (const { node: before } of node.inputs) expect(order.indexOf(before)).toBeLessThan(position);
    });
  });

  it("does not go behind given tensors", () => {
    const y = neg(input("x", [3]));
    expect(nodesInOrder([neg(y)], new Set([y])).map(({ op }) => op.name)).toEqual(["Neg"]);
    expect(nodesInOrder([y], new Set([y]))).toEqual([]);
  });

  it("walks a chain of 20,000 nodes without overflowing the call stack", () => {
    let x = input("x", []);
    for (let count = 0; count < 20_000; count++) x = neg(x);
    expect(nodesInOrder([x])).toHaveLength(20_001);
  });

  it("walks a ladder whose paths double at every step in linear time", () => {
    let x = input("x", []);
    for (let count = 0; count < 1000; count++) x = add(x, x);
    expect(nodesInOrder([x])).toHaveLength(1001);
  });
});

describe("printGraph", () => {
  it("lists one node a line with types and paths", () => {
    const x = input("x", [2, 10]);
    const [left = x, right = x] = scope("halves", () => split(x, 1, [3, 7]));
    expect(printGraph({ outputs: { y: neg(right), left } })).toBe(
      [
        "%0: float32[2, 10] = Input()  # Input",
        "%1: float32[2, 3], %2: float32[2, 7] = Split(%0)  # halves/Split",
        "%3: float32[2, 7] = Neg(%2)  # Neg",
        "return { y: %3, left: %1 }",
      ].join("\n"),
    );
  });
});

describe("scope", () => {
  it("gives a wrong product its path and both shapes", () => {
    const build = () => matmul(input("a", [2, 3]), input("b", [5, 7]));
    expect(() => scope("performer", () => scope("blocks.3", build))).toThrow(
      new ShapeError(
        problem`MatMul: inner lengths of a @ b must agree (3 and 5), got float32[2, 3] and float32[5, 7], at
        performer/blocks.3/MatMul`,
      ),
    );
  });

  it("leaves the path when what it builds throws", () => {
    expect(() => scope("broken", () => add(input("a", [2]), input("b", [3])))).toThrow(ShapeError);
    expect(currentPath()).toBe("");
    expect(neg(scalar(1)).node.path).toBe("Neg");
  });

  it("returns what it built, and nests", () => {
    expect(scope("a", () => scope("b", currentPath))).toBe("a/b");
  });
});

it("refuses a graph without outputs", () => {
  expect(() => expectOutputs({ outputs: {} })).toThrow(
    new GraphError(problem`compile: a graph must have at least one output, got none; return one`),
  );
});
