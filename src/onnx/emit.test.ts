/** From a graph to ONNX nodes: names, shared constants, bodies. */

import { describe, expect, it } from "vitest";
import { GraphError, problem } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import { scope } from "../graph/scope.ts";
import { add, exp, mul, neg } from "../ops/elementwise.ts";
import { linear } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { scan } from "../ops/scan.ts";
import { constant, full, input, stopGradient } from "../ops/source.ts";
import { emitGraph } from "./emit.ts";
import type { GraphProto, NodeProto } from "./model.ts";
import { encodeModel } from "./encode.ts";
import { toOnnx } from "./to-onnx.ts";

const x = input("x", [3]);

function summary({ nodes }: GraphProto): string[] {
  return nodes.map(({ opType, inputs, outputs }) => `${outputs.join(", ")} = ${opType}(${inputs.join(", ")})`);
}

function bodyOf(node: NodeProto | undefined): GraphProto {
  const body = node?.attributes.find(({ name }) => name === "body");
  if (body?.kind !== "graph") throw new Error("the node has no body");
  return body.value;
}

describe("emitGraph", () => {
  it("keeps the inputs' names and gives outputs the names of the record", () => {
    const graph = emitGraph({ outputs: { y: scope("performer", () => add(exp(x), input("b", [5, 3]))) } });
    expect(graph.inputs).toEqual([
      { name: "x", dtype: "float32", shape: [3] },
      { name: "b", dtype: "float32", shape: [5, 3] },
    ]);
    expect(graph.outputs).toEqual([{ name: "y", dtype: "float32", shape: [5, 3] }]);
    expect(summary(graph)).toEqual(["performer/Exp#0 = Exp(x)", "y = Add(performer/Exp#0, b)"]);
  });

  it("renames a value that is output and read by others", () => {
    const e = exp(x);
    expect(summary(emitGraph({ outputs: { e, y: neg(e) } }))).toEqual(["e = Exp(x)", "y = Neg(e)"]);
  });

  it("passes an output that is an input through an Identity, also behind stopGradient", () => {
    expect(summary(emitGraph({ outputs: { same: x, stopped: stopGradient(x) } }))).toEqual([
      "same = Identity(x)",
      "stopped = Identity(x)",
    ]);
  });

  it("passes an output that is a constant through an Identity", () => {
    const graph = emitGraph({ outputs: { c: full([3], 1) } });
    expect(summary(graph)).toEqual(["c = Identity(constant#0)"]);
    expect(graph.initializers.map(({ name }) => name)).toEqual(["constant#0"]);
  });

  it("copies a tensor that is output under two names", () => {
    const e = exp(x);
    expect(summary(emitGraph({ outputs: { first: e, second: e } }))).toEqual([
      "first = Exp(x)",
      "second = Identity(first)",
    ]);
  });

  it("stores equal small constants once, and others each", () => {
    const small = () => constant(ndarray(Float32Array.of(1, 2, 3), [3]));
    const graph = emitGraph({
      outputs: {
        y: add(add(mul(x, small()), small()), add(full([1, 3], 2), full([3, 1], 2))),
        z: sum(mul(full([3], 0), x)),
      },
    });
    expect(graph.initializers.map(({ array: { shape, data } }) => [shape, [...data]])).toEqual([
      [[3], [1, 2, 3]],
      [
        [1, 3],
        [2, 2, 2],
      ],
      [
        [3, 1],
        [2, 2, 2],
      ],
      [[3], [0, 0, 0]],
      [[1], [0n]],
    ]);
  });

  it("tells 0 from −0, and one type from another, among small constants", () => {
    const graph = emitGraph({
      outputs: {
        a: mul(x, full([], 0)),
        b: mul(x, full([], -0)),
        c: add(full([], 0, "int32"), input("i", [], "int32")),
      },
    });
    expect(graph.initializers).toHaveLength(3);
  });

  it("stores a large constant once however often it is read", () => {
    const large = constant(ndarray(new Float32Array(300), [100, 3]));
    expect(emitGraph({ outputs: { y: add(mul(x, large), large) } }).initializers).toHaveLength(1);
  });

  it("writes one input for equal declarations, and refuses different ones", () => {
    expect(emitGraph({ outputs: { y: add(x, input("x", [3])) } }).inputs).toHaveLength(1);
    expect(() => emitGraph({ outputs: { y: add(x, input("x", [5, 1])) } })).toThrow(
      new GraphError(
        problem`compile: an input must be declared once or with one type, got 'x' as float32[3] and float32[5, 1]; use
        one tensor for it`,
      ),
    );
    expect(() => emitGraph({ outputs: { y: x, z: input("x", [3], "int32") } })).toThrow("as float32[3] and int32[3]");
  });

  it("refuses an output with the name of an input", () => {
    expect(() => emitGraph({ outputs: { x: exp(x) } })).toThrow(
      new GraphError(problem`compile: inputs and outputs must have different names, got 'x' for both; rename one`),
    );
  });

  it("emits a linear layer as one Gemm between reshapes that change nothing but the view", () => {
    const y = linear(input("rows", [2, 3, 5]), input("w", [7, 5]), input("b", [7]));
    expect(emitGraph({ outputs: { y } }).nodes.map(({ opType }) => opType)).toEqual(["Reshape", "Gemm", "Reshape"]);
  });
});

describe("bodies of scans", () => {
  const w = input("w", [3]);
  const { carry, outputs } = scan({
    carry: { s: x },
    sequences: { item: input("items", [5, 3]) },
    body: ({ s }, { item }) => ({ carry: { s: add(mul(s, exp(w)), item) }, outputs: { item, s, w } }),
  });
  const graph = emitGraph({ outputs: { last: carry.s, items_out: outputs.item, w_exp: exp(w) } });
  const node = graph.nodes.find(({ opType }) => opType === "Scan");
  const body = bodyOf(node);

  it("have inputs and outputs of names that occur nowhere else", () => {
    const own = [...body.inputs, ...body.outputs].map(({ name }) => name);
    const others = graph.nodes.flatMap(({ outputs: names }) => names);
    expect(new Set([...own, ...others, "x", "w", "items"]).size).toBe(own.length + others.length + 3);
    expect(body.inputs.map(({ shape }) => shape)).toEqual([[3], [3]]);
    expect(body.outputs.map(({ shape }) => shape)).toEqual([[3], [3], [3], [3]]);
  });

  it("read outer values by their outer names and compute nothing that could stand outside", () => {
    const outer = graph.nodes.find(({ opType }) => opType === "Exp");
    expect(body.nodes.map(({ opType }) => opType)).toEqual(["Mul", "Add", "Identity", "Identity", "Identity"]);
    expect(body.nodes[0]?.inputs).toEqual([body.inputs[0]?.name, outer?.outputs[0]]);
    expect(body.nodes.at(-1)?.inputs).toEqual(["w"]);
    expect(body.initializers).toEqual([]);
  });

  it("follow when an outer value that they read is renamed", () => {
    const scale = exp(w);
    const again = scan({
      carry: { s: x },
      sequences: { item: w },
      body: ({ s }) => ({ carry: { s: mul(s, scale) }, outputs: {} }),
    });
    const renamed = emitGraph({ outputs: { scale, last: again.carry.s } });
    expect(bodyOf(renamed.nodes.find(({ opType }) => opType === "Scan")).nodes[0]?.inputs[1]).toBe("scale");
  });
});

it("toOnnx is the emitted graph, encoded", () => {
  const graph = { outputs: { y: exp(x) } };
  expect(toOnnx(graph, { a: "b" })).toEqual(encodeModel(emitGraph(graph), { a: "b" }));
});
