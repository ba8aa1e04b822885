/** The exact Gaussian error linear unit. */
import { defineOp } from "../graph/define-op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, erf, exp, mul } from "./elementwise.ts";
import { erfReference, map } from "./reference.ts";

/** x · Φ(x), Φ being the normal distribution function; not the tanh approximation. */
export const gelu = defineOp<1>({
  name: "Gelu",
  arity: 1,
  infer: ([x]) => x,
  emit: (onnx, [x]) => onnx.node("Gelu", [x]),
  vjp: ({ inputs: [x], dy }) => [mul(dy, geluSlope(x))],
  reference: ([x]) => map(x, (value) => (value * (1 + erfReference(value * Math.SQRT1_2))) / 2),
});

/** The derivative of `gelu`: Φ(x) + x · φ(x). */
export function geluSlope(x: Tensor): Tensor {
  const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(distribution, mul(x, density));
}
