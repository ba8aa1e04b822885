/**
 * What is timed must be attention: each contender against the mechanism that it stands for, in sizes that divide
 * nothing.
 */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { mechanisms } from "../attention/mechanisms.ts";
import { sizeOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { transpose } from "../ops/layout.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { compile } from "../runtime/index.ts";
import { relativeError } from "../../tests/model/harness.ts";
import { outputsOf } from "./contender.ts";
import { exactInChunks } from "./exact-in-chunks.ts";
import { linearAttentionByOp } from "./linear-attention-op.ts";
import { passes, productBounds } from "./products.ts";

/** Float32 sums in another order. */
const TOLERANCE = 1e-5;

const backend = createBackend({ threads: 1 });
const heads = [1, 3, 37, 5];

/** Runs a graph on numbers that depend on the inputs' names alone. */
async function evaluate<Name extends string>(
  build: (tensors: Readonly<Record<Name, Tensor>>) => Readonly<Record<string, Tensor>>,
  shapes: Readonly<Record<Name, Shape>>,
) {
  await using executable = await compile(build, shapes, { backend });
  const feeds = Object.entries(executable.inputs).map(([name, { shape }]) => [
    name,
    fillNormal(createRandom(7, name), new Float32Array(sizeOf(shape))),
  ]);
  return await executable.run(Object.fromEntries(feeds));
}

describe.each([false, true])("exact attention in chunks, causal: %s", (causal) => {
  it.each([7, 37, 64])("is exact attention, with its gradients, at chunks of %i", async (chunk) => {
    const shapes = { q: heads, k: heads, v: heads, dOut: heads };
    const chunked = await evaluate(
      ({ q, k, v, dOut }) => outputsOf("forward+backward", exactInChunks(q, k, v, causal, chunk), { q, k, v, dOut }),
      shapes,
    );
    const whole = await evaluate(
      ({ q, k, v, dOut }) =>
        outputsOf("forward+backward", mechanisms.exact.apply(q, k, v, { causal }), { q, k, v, dOut }),
      shapes,
    );
    expect(Object.keys(chunked)).toEqual(["out", "dq", "dk", "dv"]);
    for (const [name, { data }] of Object.entries(chunked)) {
      const expected = whole[name]?.data ?? new Float32Array();
      expect(relativeError(Array.from(data, Number), Array.from(expected, Number)), name).toBeLessThan(TOLERANCE);
    }
  });
});

it("the engine's op computes causal FAVOR+", async () => {
  const projection = [11, 5];
  const tokens = [1, 37, 3, 5];
  const byOp = await evaluate(({ q, k, v, projection }) => ({ out: linearAttentionByOp(q, k, v, projection) }), {
    q: tokens,
    k: tokens,
    v: tokens,
    projection,
  });
  const favor = await evaluate(
    ({ q, k, v, projection }) => {
      const [byHead, byToken] = [(x: Tensor) => transpose(x, [0, 2, 1, 3]), (x: Tensor) => transpose(x, [0, 2, 1, 3])];
      return { out: byToken(mechanisms.favor.apply(byHead(q), byHead(k), byHead(v), { causal: true, projection })) };
    },
    { q: tokens, k: tokens, v: tokens, projection },
  );
  const numbers = ({ out }: typeof byOp) => Array.from(out?.data ?? [], Number);
  expect(relativeError(numbers(byOp), numbers(favor))).toBeLessThan(TOLERANCE);
});

describe.each([false, true])("the products alone, causal: %s", (causal) => {
  it.each(passes)("have both arrangements for %s, of the same shapes", async (pass) => {
    const { batched, loop } = productBounds(causal, pass, 3 * 64 * 11);
    const rows = [3, 64, 5];
    const shapes = { q: rows, k: rows, v: [3, 64, 6], dU: [3, 64, 6], projection: [11, 5] };
    const results = [await evaluate(batched ?? loop, shapes), await evaluate(loop, shapes)];
    expect(batched).toBeDefined();
    const [inBatch, inLoop] = results.map((result) =>
      Object.entries(result).map(([name, { data }]) => [name, data.length]),
    );
    expect(inBatch).toEqual(inLoop);
    expect(inBatch).toHaveLength(pass === "forward" ? 1 : 4);
  });

  it.each(passes)("are not computed all at once for %s where that would need too much memory", (pass) => {
    expect(productBounds(causal, pass, 2 ** 27).batched).toBeUndefined();
  });
});
