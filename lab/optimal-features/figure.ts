/** Relative error of FAVOR+ and FAVOR++ against the scale of queries and keys. */

import * as Plot from "@observablehq/plot";
import { mean, standardError, type Figure } from "performer-ts/lab";

import type { MapErrors } from "./measure.ts";

const SERIES = [
  { map: "positive", label: "FAVOR+ (positive)", color: "#2563c9" },
  { map: "optimal", label: "FAVOR++ (optimal)", color: "#1f8a4c" },
] as const;
const STDS = [0.11, 1.1];
const TICKS = [0.125, 0.25, 0.5, 1];
/** Half the length of a bar. */
const STANDARD_ERRORS = 2;

export function drawReductions(all: readonly MapErrors[]): Figure {
  const points = all.map(({ map, scales, size, bySeed }) => {
    const [middle, half] = [mean(bySeed), STANDARD_ERRORS * standardError(bySeed)];
    const panel = `headDim ${size.headDim}, ${size.numFeatures} features`;
    return { map, panel, std: scales.queryStd, mean: middle, low: middle - half, high: middle + half };
  });
  return {
    label: "Relative error of attention by FAVOR+ and FAVOR++ against the standard deviation of queries and keys",
    height: 360,
    plot: () => ({
      marginLeft: 52,
      marginRight: 14,
      marginTop: 40,
      marginBottom: 44,
      fx: { label: null, padding: 0.08 },
      x: {
        type: "log",
        label: "standard deviation of q and k",
        labelArrow: "none",
        domain: STDS,
        ticks: TICKS,
        tickFormat: "~g",
      },
      y: { type: "log", label: "relative error of the output", labelArrow: "none", grid: true, tickFormat: "~g" },
      marks: [
        Plot.ruleY([1], { stroke: "#1c1e21", strokeDasharray: "1 3" }),
        ...SERIES.flatMap(({ map, color }) => {
          const own = points.filter((each) => each.map === map);
          return [
            Plot.lineY(own, { fx: "panel", x: "std", y: "mean", stroke: color, strokeWidth: 1.8 }),
            Plot.ruleX(own, { fx: "panel", x: "std", y1: "low", y2: "high", stroke: color, strokeWidth: 1.5 }),
            Plot.dot(own, { fx: "panel", x: "std", y: "mean", fill: color, r: 2.8 }),
          ];
        }),
        ...SERIES.map(({ label, color }, index) =>
          Plot.text(points.slice(0, 1), {
            fx: "panel",
            frameAnchor: "top-left",
            text: () => `● ${label}`,
            fill: color,
            dx: 8,
            dy: 48 + 18 * index,
          }),
        ),
        Plot.text(points.slice(0, 1), {
          fx: "panel",
          y: 1,
          frameAnchor: "left",
          text: () => "an output of zeros",
          dx: 8,
          dy: 9,
          fill: "#1c1e21",
        }),
      ],
    }),
  };
}
