/** Attention as a picture: exact and approximate weights of every layer and head side by side. */

import { attentionMatrix, type AttentionMatrix } from "../../attention/attention-matrix.ts";
import type { ModelDiagnosis } from "../../inference/observe-diagnosis.ts";
import { observeAttention, type ObserveOptions } from "../../inference/observe.ts";
import { formatCount } from "../../text/numbers.ts";
import { greyRamp, matrixPixels } from "../../views/picture/colours.ts";
import { panelsPicture, type Panel } from "../../views/picture/panels.ts";
import { toSvg, type Pixels } from "../../views/picture/picture.ts";

/** Pairs of matrices in a row: more would be smaller than a thumbnail. */
const MOST_PAIRS = 4;
/** Black is so many times the weight that a query would give if it saw all keys alike; white is none. */
const BLACK = 4;

/**
 * Tokens drawn: what comes later changes nothing for causal attention, and the panels are smaller than that already.
 */
const LONGEST = 192;

export interface PictureOptions extends ObserveOptions {
  /** One sequence. */
  readonly tokenIds: readonly Int32Array[];
  readonly diagnosis: ModelDiagnosis;
}

/**
 * Attention of the first tokens of a sequence.
 *
 * @returns the content of an .svg file
 */
export async function drawAttention({ diagnosis, ...options }: PictureOptions): Promise<string> {
  const { config, backend } = options;
  const { mechanism, numFeatures, seed } = diagnosis;
  const { projection } = config;
  const groups: (readonly Panel[])[] = [];
  const tokenIds = options.tokenIds.map((ids) => ids.subarray(0, LONGEST));
  for (const [layer, arrays] of (await observeAttention({ ...options, tokenIds })).entries()) {
    const common = { numHeads: config.numHeads, causal: true, backend };
    const exact = await attentionMatrix(arrays, { ...common, mechanism: "exact" });
    const approximate = await attentionMatrix(arrays, {
      ...common,
      mechanism,
      numFeatures,
      seed,
      ...(projection && { projection }),
      ...(config.projectionLengths && { projectionLengths: config.projectionLengths }),
    });
    const panels: Panel[] = [];
    for (let head = 0; head < config.numHeads; head++) {
      panels.push({ title: `${layer}.${head} exact`, pixels: shades(exact, head) });
      panels.push({ title: mechanism, pixels: shades(approximate, head) });
    }
    groups.push(panels);
  }
  return toSvg(
    panelsPicture({
      label: "Attention weights of every layer and head, exact and approximate; rows are queries, columns are keys",
      title: "Exact and approximate attention",
      notes: [`Layer.head; queries down, keys across; a draw of ${formatCount(numFeatures)} features.`],
      groups,
      columns: 2 * Math.min(config.numHeads, MOST_PAIRS),
      scale: {
        ramp: greyRamp,
        title: "times the weight that a query would give if it saw all keys alike",
        ticks: [0, 1, BLACK].map((value) => ({
          share: value / BLACK,
          text: value === BLACK ? `${value}+` : `${value}`,
        })),
      },
    }),
  );
}

/** One head of `[1, H, L, L]`. */
function shades({ data, dims }: AttentionMatrix, head: number): Pixels {
  const length = dims.at(-1) ?? 0;
  return matrixPixels({ rows: length, columns: length, ramp: greyRamp }, (row, column) => {
    const weight = data[(head * length + row) * length + column] ?? 0;
    return (weight * (row + 1)) / BLACK;
  });
}
