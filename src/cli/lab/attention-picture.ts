// Attention as a picture: exact and approximate weights of every layer and head side by side.

import * as Plot from "@observablehq/plot";

import { attentionMatrix, type AttentionMatrix } from "../../attention/attention-matrix.ts";
import type { ModelDiagnosis } from "../../inference/observe-diagnosis.ts";
import { observeAttention, type ObserveOptions } from "../../inference/observe.ts";
import type { Figure } from "../../lab/figure.ts";
import { formatCount } from "../output/numbers.ts";
import { renderSvgFile } from "./svg-file.ts";
import { greyPngUrl } from "./png.ts";

/** Pairs of matrices in a row: more would be smaller than a thumbnail. */
const MOST_PAIRS = 4;
/** Black is so many times the weight that a query would give if it saw all keys alike; white is none. */
const BLACK = 4;

/** Tokens drawn: what comes later changes nothing for causal attention, and the panels are smaller than that already. */
const LONGEST = 192;

const MARGIN_TOP = 34;
const MARGIN_BOTTOM = 8;
const TITLE_HEIGHT = 30;
const GAP = 6;

export interface PictureOptions extends ObserveOptions {
  /** One sequence. */
  readonly tokenIds: readonly Int32Array[];
  readonly diagnosis: ModelDiagnosis;
}

interface Panel {
  readonly column: number;
  readonly row: number;
  readonly source: string;
  readonly title: string;
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
  const pairsInRow = Math.min(config.numHeads, MOST_PAIRS);
  const rowsInLayer = Math.ceil(config.numHeads / pairsInRow);
  const panels: Panel[] = [];
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
    for (let head = 0; head < config.numHeads; head++) {
      const column = 2 * (head % pairsInRow);
      const row = layer * rowsInLayer + Math.floor(head / pairsInRow);
      panels.push({ column, row, source: shades(exact, head), title: `${layer}.${head} exact` });
      panels.push({ column: column + 1, row, source: shades(approximate, head), title: mechanism });
    }
  }
  return renderSvgFile(
    figureOf(panels, { columns: 2 * pairsInRow, rows: config.numLayers * rowsInLayer, numFeatures }),
  );
}

/** One head of `[1, H, L, L]`. */
function shades({ data, dims }: AttentionMatrix, head: number): string {
  const length = dims.at(-1) ?? 0;
  const weights = data.subarray(head * length * length, (head + 1) * length * length);
  const greys = Uint8Array.from(weights, (weight, index) => {
    const seen = Math.floor(index / length) + 1;
    return Math.round(255 * (1 - Math.min(1, Math.max(0, (weight * seen) / BLACK))));
  });
  return greyPngUrl(greys, length, length);
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly numFeatures: number;
}

/** The width for which the figure's height is computed, that of a file. */
const FILE_WIDTH = 720;

function figureOf(panels: readonly Panel[], { columns, rows, numFeatures }: Grid): Figure {
  const cell = FILE_WIDTH / columns;
  const side = cell - GAP;
  return {
    label: "Attention weights of every layer and head, exact and approximate; rows are queries, columns are keys",
    height: MARGIN_TOP + rows * (side + TITLE_HEIGHT) + MARGIN_BOTTOM,
    plot: () => ({
      marginTop: MARGIN_TOP,
      marginBottom: MARGIN_BOTTOM,
      marginLeft: 0,
      marginRight: 0,
      x: { domain: [0, columns], axis: null },
      y: { domain: [rows, 0], axis: null },
      marks: [
        Plot.text(
          [
            `Layer.head; queries down, keys across; a draw of ${formatCount(numFeatures)} features. White: no weight, black: ${BLACK} times the uniform weight or more`,
          ],
          { frameAnchor: "top-left", dx: GAP / 2, dy: -MARGIN_TOP + 8, fontSize: 11 },
        ),
        Plot.image(panels, {
          x: ({ column }: Panel) => column + 0.5,
          y: ({ row }: Panel) => row + 0.5,
          dy: TITLE_HEIGHT / 2 - GAP,
          width: side,
          height: side,
          src: "source",
          imageRendering: "pixelated",
          preserveAspectRatio: "none",
        }),
        Plot.text(panels, {
          x: "column",
          y: "row",
          text: "title",
          dx: GAP / 2,
          dy: TITLE_HEIGHT / 2,
          textAnchor: "start",
          fontSize: columns > 4 ? 9 : 11,
        }),
      ],
    }),
  };
}
