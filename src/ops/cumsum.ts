/** Prefix sums. */
import { defineOp } from "../graph/define-op.ts";
import { ndarray } from "../graph/ndarray.ts";
import { normalizeAxis } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { at, build } from "./reference.ts";

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
    return build(x.shape, (index) => {
      const position = index[axis] ?? 0;
      const from = reverse ? position + Number(exclusive) : 0;
      const to = reverse ? length : position + 1 - Number(exclusive);
      let total = 0;
      for (let each = from; each < to; each++)
        total += at(
          x,
          index.map((i, a) => (a === axis ? each : i)),
        );
      return total;
    });
  },
});

/** Sums of all positions up to each one along an axis. */
export function cumsum(x: Tensor, axis: number, options: CumsumOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  return cumsumOp(x, { axis: normalizeAxis(axis, x.shape.length), exclusive, reverse });
}
