/** What `cond` refuses. */
import { expect, it } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { cast } from "../../src/ops/compare.ts";
import { cond } from "../../src/ops/cond.ts";
import { exp, mul } from "../../src/ops/elementwise.ts";
import { sum } from "../../src/ops/reduce.ts";
import { input } from "../../src/ops/source.ts";

const x = input("x", [3]);
const flag = cast(input("flag", [], "int32"), "bool");
const same = (inputs: { readonly x: typeof x }) => ({ y: exp(inputs.x) });

it("refuses a predicate that is not one bool", () => {
  expect(() => cond(x, { x }, same, same)).toThrow("cond: the predicate must be one bool, got float32[3]");
  expect(() => cond(cast(x, "bool"), { x }, same, same)).toThrow("got bool[3]");
});

it("refuses branches that return different names, shapes or types", () => {
  const expected = "cond: both branches must return the same, got { y: float32[3] } and ";
  const refused = (other: (inputs: { readonly x: typeof x }) => { readonly y: typeof x }, message: string) =>
    expect(() => cond(flag, { x }, same, other)).toThrow(message);
  refused(({ x }) => ({ y: sum(x) }), `${expected}{ y: float32[] }`);
  refused(({ x }) => ({ y: cast(x, "int32") }), `${expected}{ y: int32[3] }`);
  refused(({ x }) => ({ y: x, z: x }), `${expected}{ y: float32[3], z: float32[3] }`);
});

it("has no gradient by itself, and says what to do", () => {
  const { y } = cond(flag, { x }, same, ({ x }) => ({ y: mul(x, 2) }));
  expect(() => gradients(sum(y), [x])).toThrow("wrap it in customGradient, with a cond in the backward pass");
});
