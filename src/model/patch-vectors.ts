/** The squares of an image as vectors that the blocks read. */

import { GraphError, problem } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cast } from "../ops/compare.ts";
import { add, mul, sub } from "../ops/elementwise.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { concat, slice } from "../ops/slicing.ts";
import { constant, full } from "../ops/source.ts";
import { applyLinear } from "./layers.ts";
import type { PatchEmbedding } from "./parameter-tree.ts";
import { FIRST_INTENSITY_ID, numIntensities, type Patches } from "./patches.ts";

const BRIGHTEST = 255;

/**
 * `[B, L]` int32 → `[B, 1 + patches, modelDim]`: the vector in front, then a linear layer of each square, rows from the
 * top, without positions. An intensity enters as (intensity / 255 − mean) / deviation of its channel; a square as
 * `[channels, size, size]`, flattened.
 *
 * @throws GraphError for tokens that hold no whole image
 */
export function patchVectors(
  patches: Patches,
  { projection, first }: PatchEmbedding<Tensor>,
  tokenIds: Tensor,
): Tensor {
  const { size, width, height, channels } = patches;
  const { mean = filled(channels, 1 / 2), deviation = filled(channels, 1 / 2) } = patches;
  const [batch = 1, length = 0] = tokenIds.shape;
  const count = numIntensities(patches);
  if (length < 1 + count) {
    throw new GraphError(
      problem`embedding: tokens must be <bos> and the ${count} intensities of ${width} × ${height} × ${channels}, got
      ${length}; give whole images`,
    );
  }
  const perChannel = (of: (channel: number) => number) =>
    constant(
      ndarray(
        Float32Array.from({ length: channels }, (_, channel) => of(channel)),
        [channels],
      ),
    );
  const intensities = sub(cast(slice(tokenIds, 1, 1, 1 + count), "float32"), FIRST_INTENSITY_ID);
  const pixels = reshape(intensities, [batch, width * height, channels]);
  const scale = perChannel((channel) => 1 / BRIGHTEST / (deviation[channel] ?? 1));
  const shift = perChannel((channel) => (mean[channel] ?? 0) / (deviation[channel] ?? 1));
  const [rows, columns] = [height / size, width / size];
  const cells = reshape(sub(mul(pixels, scale), shift), [batch * rows, size, columns, size, channels]);
  const flat = reshape(transpose(cells, [0, 2, 4, 1, 3]), [batch, rows * columns, channels * size * size]);
  const [modelDim = 1] = projection.bias.shape;
  const front = add(full([batch, 1, 1], 0), reshape(first, [1, 1, modelDim]));
  return concat([front, applyLinear(flat, projection)], 1);
}

function filled(channels: number, value: number): readonly number[] {
  return Array.from({ length: channels }, () => value);
}
