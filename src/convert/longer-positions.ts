/** Learned positions beyond the longest text that a model was trained on: a longer table made of the rows there are. */
import { ndarray, toFloat32, type NdArray } from "../graph/ndarray.ts";

/**
 * `repeat`: the table begins anew behind its end, so that texts that the model could read keep their positions, as in
 * Longformer (arXiv:2004.05150). `interpolate`: every row lies on the line between two old ones, first and last stay
 * (as rotary angles in arXiv:2306.15595), so that positions are in order and texts of any length have others than
 * before.
 */
export const positionRules = ["repeat", "interpolate"] as const;
export type PositionRule = (typeof positionRules)[number];

/**
 * A table of `rows` positions.
 *
 * @param table `[maxSeqLen, modelDim]`
 * @param rows as many as there are, or more
 * @returns `[rows, modelDim]`; the table itself where it has as many
 */
export function stretchPositions(table: NdArray, rows: number, rule: PositionRule): NdArray {
  const [length = 0, width = 0] = table.shape;
  if (rows === length) return table;
  const old = toFloat32(table);
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const place = rule === "repeat" ? row % length : (row * (length - 1)) / (rows - 1);
    const before = Math.floor(place);
    const share = place - before;
    for (let column = 0; column < width; column++) {
      const here = old[before * width + column] ?? 0;
      // At the last row there is no next one, nor is one needed.
      const next = share === 0 ? here : (old[(before + 1) * width + column] ?? here);
      data[row * width + column] = here + share * (next - here);
    }
  }
  return ndarray(data, [rows, width]);
}
