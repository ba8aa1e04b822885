/** The gradient norm of every run, step by step, and the loss that each pair of features ends with. */

import * as Plot from "@observablehq/plot";
import { mean, type Figure } from "performer-ts/lab";
import { margins } from "../legend.ts";
import type { FeaturesName, LabelledRun, ScaleName } from "./result.ts";

const COLORS = { positive: "#2563c9", trigonometric: "#c2570c" } as const satisfies Record<FeaturesName, string>;
const PANELS = {
  short: "queries and keys start at 0.3",
  full: "queries and keys start at full length",
} as const satisfies Record<ScaleName, string>;

/** Room above the lines for their names. */
const NORMS = [0.2, 1e7];
const DECADES = [1, 10, 1e2, 1e3, 1e4, 1e5];

/**
 * A line a seed, on a logarithmic scale.
 *
 * @param finalLoss of a run, in nats
 */
export function drawTraining(
  runs: readonly LabelledRun[],
  explodedNorm: number,
  finalLoss: (run: LabelledRun) => number,
): Figure {
  const points = runs.flatMap(({ scale, features, seed, gradientNorms }) =>
    gradientNorms.map((norm, step) => ({ panel: PANELS[scale], features, seed, step: step + 1, norm })),
  );
  // The keys are those of the tables.
  const scales = Object.keys(PANELS) as ScaleName[];
  const series = (Object.keys(COLORS) as FeaturesName[]).map((features, index) => ({
    features,
    index,
    ends: scales.map((scale) => {
      const own = runs.filter((run) => run.scale === scale && run.features === features);
      return { panel: PANELS[scale], loss: mean(own.map(finalLoss)) };
    }),
  }));
  return {
    label:
      "Gradient norm by training step with positive and with trigonometric features, for two lengths of queries and keys",
    height: 380,
    plot: () => ({
      ...margins,
      fx: { label: null, padding: 0.08, domain: Object.values(PANELS) },
      x: { label: "step", labelArrow: "none" },
      y: {
        type: "log",
        label: "gradient norm before clipping",
        labelArrow: "none",
        grid: true,
        domain: NORMS,
        ticks: DECADES,
        tickFormat: "~e",
      },
      marks: [
        Plot.ruleY([explodedNorm], { stroke: "#1c1e21", strokeDasharray: "1 3" }),
        ...series.flatMap(({ features, index, ends }) => [
          Plot.lineY(
            points.filter((point) => point.features === features),
            {
              fx: "panel",
              x: "step",
              y: "norm",
              z: "seed",
              stroke: COLORS[features],
              strokeWidth: 1,
              strokeOpacity: 0.75,
            },
          ),
          Plot.text(ends, {
            fx: "panel",
            frameAnchor: "top-right",
            text: ({ loss }: { readonly loss: number }) => `― ${features}: loss ${loss.toFixed(2)} in the end`,
            fill: COLORS[features],
            dx: -4,
            dy: 4 + 17 * index,
          }),
        ]),
      ],
    }),
  };
}
