/** Rows brought to other places, each at most once, so that the way back is as cheap as the way there. */
import { defineOp } from "../graph/define-op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ndarray } from "../graph/ndarray.ts";
import { build } from "./reference.ts";

/** Which of both lists of places may say −1: a place that nothing comes to, or a row that is left out. */
type Holes = "from" | "to" | "none";

const opposite = { from: "to", to: "from", none: "none" } as const satisfies Record<Holes, Holes>;

const moveRowsOp: (x: Tensor, from: Tensor, to: Tensor, attributes: { readonly holes: Holes }) => Tensor = defineOp<
  3,
  { readonly holes: Holes }
>({
  name: "MoveRows",
  arity: 3,
  infer: ([x, from, to]) => {
    if (x.shape.length !== 2 || from.shape.length !== 1 || from.dtype !== "int32" || to.dtype !== "int32") {
      throw new RangeError("x must have two axes, and both lists of places be int32 with one axis");
    }
    if (to.shape.length !== 1 || to.shape[0] !== x.shape[0]) throw new RangeError("there must be a place for each row");
    return { dtype: x.dtype, shape: [from.shape[0] ?? 0, x.shape[1] ?? 0] };
  },
  emit: (onnx, [x, from], { holes }, { inputs: [type] }) => {
    const width = type.shape[1] ?? 0;
    // −1 counts from the end: to a row of zeros behind the others.
    const zero = () => onnx.constant(ndarray(new Float32Array(width), [1, width]));
    const table = holes === "from" ? onnx.node("Concat", [x, zero()], { attributes: { axis: { int: 0 } } }) : x;
    return onnx.node("Gather", [table, from], { attributes: { axis: { int: 0 } } });
  },
  vjp: ({ inputs: [, from, to], dy, attributes: { holes } }) => [
    moveRowsOp(dy, to, from, { holes: opposite[holes] }),
    undefined,
    undefined,
  ],
  reference: ([x, from], _attributes, { shape }) => {
    const width = x.shape[1] ?? 0;
    return build(shape, ([row = 0, column = 0]) => {
      const source = from.data[row] ?? 0;
      return source === -1 ? 0 : (x.data[source * width + column] ?? Number.NaN);
    });
  },
});

/**
 * y[i] = x[from[i]], or a row of zeros where from[i] is −1: x `[R, D]` → `[T, D]`.
 *
 * A gather by any indices needs a sum over rows that were taken twice for its gradient. Here no row is, and the
 * gradient is the gather by the inverse: dx[r] = dy[to[r]].
 *
 * @param from `[T]` int32; no row twice
 * @param to `[R]` int32: where each row went, or −1; the inverse of `from`
 * @param holes which of both may hold −1; the other way of moving is spared a copy. Default none: a permutation
 */
export function moveRows(x: Tensor, from: Tensor, to: Tensor, holes: Holes = "none"): Tensor {
  return moveRowsOp(x, from, to, { holes });
}
