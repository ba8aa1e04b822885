/** The exact Gaussian error linear unit. */
import { defineOp } from "../graph/define-op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, erf, exp, mul, sub } from "./elementwise.ts";
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

/**
 * The derivative of `gelu`: Φ(x) + x·φ(x) = (1 + erf(s) + s · 2/√π · exp(−s²)) / 2 with s = x/√2.
 *
 * The factor 2/√π stands inside the exponential, which saves a pass.
 */
export function geluSlope(x: Tensor): Tensor {
  const s = mul(x, Math.SQRT1_2);
  const bell = exp(sub(Math.log(2 / Math.sqrt(Math.PI)), mul(s, s)));
  return mul(add(add(erf(s), mul(s, bell)), 1), 0.5);
}
