/** Prefix sums. */
import { defineOp } from "../graph/define-op.ts";
import { ndarray } from "../graph/ndarray.ts";
import { normalizeAxis, stridesOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { places } from "./reference.ts";

interface CumsumOptions {
  /** Leave the position itself out of its sum; default false. */
  readonly exclusive?: boolean;
  /** Sum from the end; default false. */
  readonly reverse?: boolean;
}

const cumsumOp = defineOp<1, Required<CumsumOptions> & { readonly axis: number }>({
  name: "CumSum",
  arity: 1,
  infer: ([x]) => x,
  emit: (onnx, [x], { axis, exclusive, reverse }) =>
    onnx.node("CumSum", [x, onnx.constant(ndarray(BigInt64Array.of(BigInt(axis)), []))], {
      attributes: { exclusive: { int: Number(exclusive) }, reverse: { int: Number(reverse) } },
    }),
  vjp: ({ dy, attributes: { axis, exclusive, reverse } }) => [cumsum(dy, axis, { exclusive, reverse: !reverse })],
  reference: ([x], { axis, exclusive, reverse }) => {
    const length = x.shape[axis] ?? 0;
    const stride = stridesOf(x.shape)[axis] ?? 1;
    const data = new Float64Array(x.data.length);
    for (const first of places(x.shape.with(axis, 1), stridesOf(x.shape))) {
      let total = 0;
      for (let step = 0; step < length; step++) {
        const place = first + (reverse ? length - 1 - step : step) * stride;
        const value = x.data[place] ?? Number.NaN;
        data[place] = exclusive ? total : total + value;
        total += value;
      }
    }
    return { shape: x.shape, data };
  },
});

/** Sums of all positions up to each one along an axis. */
export function cumsum(x: Tensor, axis: number, options: CumsumOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  return cumsumOp(x, { axis: normalizeAxis("cumsum", axis, x), exclusive, reverse });
}
