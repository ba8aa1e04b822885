/** Linear layers and rotary positions. */
import type { ExecutionForm } from "../attention/mechanism.ts";
import type { Tensor } from "../graph/tensor.ts";
import { lazyArray, ndarray, type NdArray } from "../graph/ndarray.ts";
import { add, mul } from "../ops/elementwise.ts";
import { mergeAxes, reshape, splitAxis } from "../ops/layout.ts";
import { linear, matmul } from "../ops/matmul.ts";
import { rotarySequence } from "../ops/rotary-embedding.ts";
import { slice } from "../ops/slicing.ts";
import { constant } from "../ops/source.ts";
import type { Linear } from "./parameter-tree.ts";

export function applyLinear(x: Tensor, { weight, bias }: Linear<Tensor>): Tensor {
  return linear(x, weight, bias);
}

/** Angles of rotary positions as tensors `[L, 1, D]`: cos and sin for each pair, twice in a row. */
export interface RotaryAngles<T> {
  readonly cos: T;
  readonly sin: T;
}

/** Positions row by row, as a list or by a rule: a list of millions need not be there before it is read. */
export interface Places {
  readonly length: number;
  readonly at: (row: number) => number | undefined;
}

/**
 * cos and sin of position · 10000^(−2i/D), in float64 until the end, so that positions far out keep their angles.
 *
 * Source: Su et al., RoFormer, arXiv:2104.09864.
 */
export function rotaryAngles(positions: Places, headDim: number): RotaryAngles<NdArray> {
  const half = headDim / 2;
  const frequencies = Array.from({ length: half }, (_, i) => 10000 ** (-i / half));
  const shape = [positions.length, 1, headDim];
  const table = (fn: (angle: number) => number) => {
    const data = new Float32Array(positions.length * headDim);
    for (let row = 0; row < positions.length; row++) {
      const position = positions.at(row) ?? 0;
      frequencies.forEach((frequency, i) => {
        const value = fn(position * frequency);
        data[row * headDim + i] = value;
        data[row * headDim + half + i] = value;
      });
    }
    return data;
  };
  return {
    cos: lazyArray("float32", shape, () => table(Math.cos)),
    sin: lazyArray("float32", shape, () => table(Math.sin)),
  };
}

/** Rotates every head of `[B, L, H·D]` by the angles of its position; in one op where the device has it. */
export function applyRotary(x: Tensor, angles: RotaryAngles<Tensor>, form: ExecutionForm): Tensor {
  const [length = 0, , headDim = 1] = angles.cos.shape;
  if (form === "parallel") return mergeAxes(rotate(splitAxis(x, 2, (x.shape[2] ?? 0) / headDim), angles), 2);
  // The op reads the angle of each pair once.
  const half = (table: Tensor) => slice(reshape(table, [length, headDim]), 1, 0, headDim / 2);
  return rotarySequence(x, { cos: half(angles.cos), sin: half(angles.sin) });
}

/** Rotates each pair (x_i, x_{i + D/2}) by its angle: x·cos + (x R)·sin, where R swaps the halves and negates one. */
export function rotate(x: Tensor, { cos, sin }: RotaryAngles<Tensor>): Tensor {
  const headDim = x.shape.at(-1) ?? 0;
  return add(mul(x, cos), mul(matmul(x, quarterTurn(headDim)), sin));
}

/** R `[D, D]`: (a, b) R = (−b, a). A product with it is cheaper for the engine than splitting and joining. */
function quarterTurn(headDim: number): Tensor {
  const half = headDim / 2;
  const data = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    data[(i + half) * headDim + i] = -1;
    data[i * headDim + i + half] = 1;
  }
  return constant(ndarray(data, [headDim, headDim]));
}
