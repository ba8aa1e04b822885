/** Relative error of the states behind every layer, one line a number of features. */

import * as Plot from "@observablehq/plot";
import { mean, type Figure } from "performer-ts/lab";
import { legend, margins } from "../legend.ts";
import type { Propagation, WeightsName } from "./result.ts";

const COLORS = ["#c2570c", "#2563c9", "#1f8a4c"] as const;
const PANELS = {
  unitEmbeddings: "fresh, unit embeddings",
  initialised: "fresh, as the library's",
  trained: "trained briefly",
} as const satisfies Record<WeightsName, string>;

/** Thin lines are single seeds, thick ones their means. */
export function drawPropagation(all: readonly Propagation[]): Figure {
  const counts = [...new Set(all.map(({ numFeatures }) => numFeatures))];
  const numLayers = all[0]?.errors[0]?.length ?? 1;
  const series = counts.map((count, index) => {
    const own = all.filter(({ numFeatures }) => numFeatures === count);
    return {
      label: `${count} features`,
      color: COLORS[index % COLORS.length] ?? "#2563c9",
      singles: own.flatMap(({ weights, errors }) =>
        errors.flatMap((depths, draw) =>
          depths.map((error, layer) => ({ panel: PANELS[weights], draw, depth: layer + 1, error })),
        ),
      ),
      means: own.flatMap(({ weights, errors }) =>
        (errors[0] ?? []).map((_, layer) => ({
          panel: PANELS[weights],
          depth: layer + 1,
          error: mean(errors.map((depths) => depths[layer] ?? Number.NaN)),
        })),
      ),
    };
  });
  return {
    label:
      "Relative error of hidden states after each layer when FAVOR+ replaces exact attention, by number of features",
    height: 360,
    plot: () => ({
      ...margins,
      fx: { label: null, padding: 0.08, domain: Object.values(PANELS) },
      x: {
        label: "layers",
        labelArrow: "none",
        domain: [1, numLayers],
        ticks: Array.from({ length: numLayers }, (_, layer) => layer + 1).filter((depth) => depth % 2 === 1),
        tickFormat: "d",
      },
      y: { type: "log", label: "relative error of the states", labelArrow: "none", grid: true, tickFormat: "~g" },
      marks: [
        ...series.flatMap(({ singles, means, color }) => [
          Plot.lineY(singles, {
            fx: "panel",
            x: "depth",
            y: "error",
            z: "draw",
            stroke: color,
            strokeWidth: 0.7,
            strokeOpacity: 0.35,
          }),
          Plot.lineY(means, { fx: "panel", x: "depth", y: "error", stroke: color, strokeWidth: 2.2 }),
        ]),
        ...legend(series, "bottom-right", PANELS.unitEmbeddings),
      ],
    }),
  };
}
