/** Elementwise work in blocks of rows that stay in the processor's cache. */
import { sizeOf } from "../graph/shape.ts";
import type { Tensor, TensorRecord } from "../graph/tensor.ts";
import { reshape } from "./layout.ts";
import { scan } from "./scan.ts";

/**
 * Elements of a block: 1 MB a tensor. Smaller ones stay nearer to the core, but every step of a Scan costs time of its
 * own.
 */
const BLOCK_ELEMENTS = 262144;

/**
 * Applies a function of single elements to tensors of one shape, block after block.
 *
 * A chain of elementwise ops over large tensors waits for memory at every op; in blocks it does not. Only for devices
 * that run Scan (not WebGPU), and for gradients written by hand: walking back through it would compute it again.
 *
 * @param blockElements elements of a block; tensors that it does not cut evenly are left whole
 */
export function inBlocks<Names extends string>(
  tensors: Readonly<Record<Names, Tensor>>,
  apply: (block: Readonly<Record<Names, Tensor>>) => Tensor,
  blockElements = BLOCK_ELEMENTS,
): Tensor {
  const [first] = Object.values<Tensor>(tensors);
  const shape = first?.shape ?? [];
  const size = sizeOf(shape);
  const numBlocks = Math.floor(size / blockElements);
  if (numBlocks < 2 || size % numBlocks !== 0) return apply(tensors);
  const blocks = Object.entries<Tensor>(tensors).map(([name, x]) => [name, reshape(x, [numBlocks, size / numBlocks])]);
  const { outputs } = scan<object, TensorRecord, { y: Tensor }>({
    carry: {},
    sequences: Object.fromEntries(blocks) as TensorRecord,
    // The names are those of `tensors`, and none of them is undefined.
    body: (_, block) => ({ carry: {}, outputs: { y: apply(block as Record<Names, Tensor>) } }),
  });
  return reshape(outputs.y, shape);
}
