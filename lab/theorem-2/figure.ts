/** What orthogonal rows save, over what Theorem 2 says that they save at least. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";

import { squaredSum } from "../vector-pairs.ts";
import type { Comparison } from "./result.ts";

const COLORS = ["#c2570c", "#15803d", "#2563c9"] as const;
const SHIFT_PIXELS = 9;

/** One dot a cell with its interval; the curve is the exact value, the line at 1 the bound. */
export function drawGaps(comparisons: readonly Comparison[], standardErrors: number): Figure {
  const points = comparisons.map(({ pair, numFeatures, gap, gapError, bound, exact }) => ({
    numFeatures,
    sumNorm: Math.sqrt(squaredSum(pair)),
    ratio: gap / bound,
    low: (gap - standardErrors * gapError) / bound,
    high: (gap + standardErrors * gapError) / bound,
    exact: exact / bound,
  }));
  const counts = [...new Set(points.map(({ numFeatures }) => numFeatures))];
  const kinds = counts.map((numFeatures, place) => ({
    name: `m = ${numFeatures}`,
    color: COLORS[place % COLORS.length] ?? COLORS[0],
    shift: (place - (counts.length - 1) / 2) * SHIFT_PIXELS,
    points: points.filter((point) => point.numFeatures === numFeatures),
  }));
  return {
    label: "Measured saving of orthogonal rows over the bound of Theorem 2, against the length of x + y",
    height: 340,
    plot: () => ({
      marginLeft: 60,
      marginRight: 16,
      marginTop: 34,
      marginBottom: 44,
      x: { label: "‖x + y‖", labelArrow: "none", domain: [0.75, 1.6] },
      y: { label: "(MSE(iid) − MSE(ort)) / bound", labelAnchor: "center", labelArrow: "none", grid: true, zero: true },
      marks: [
        Plot.ruleY([1], { stroke: "#1c1e21", strokeDasharray: "4 3" }),
        Plot.text(["the bound"], { frameAnchor: "bottom-right", text: (name: string) => name, y: 1, dy: 10, dx: -4 }),
        Plot.line(kinds[0]?.points ?? [], { x: "sumNorm", y: "exact", stroke: "#9aa0a6", curve: "monotone-x" }),
        ...kinds.flatMap(({ points: own, color, shift }) => [
          Plot.ruleX(own, { x: "sumNorm", y1: "low", y2: "high", stroke: color, strokeWidth: 1.5, dx: shift }),
          Plot.dot(own, { x: "sumNorm", y: "ratio", fill: color, r: 3, dx: shift }),
        ]),
        ...kinds.map(({ name, color }, place) =>
          Plot.text([name], {
            frameAnchor: "top-left",
            text: () => `● ${name}`,
            fill: color,
            dx: 10 + 90 * place,
            dy: -24,
          }),
        ),
      ],
    }),
  };
}
