/** Measured over predicted squared errors, with their uncertainty. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";

import { pairName } from "../vector-pairs.ts";
import type { Comparison } from "./result.ts";

const COLORS = { positive: "#2563c9", hyperbolic: "#15803d", trigonometric: "#c2570c" } as const;
/** The length of the bars, two standard errors, as a 95 % interval has. */
const STANDARD_ERRORS = 2;
const SHIFT_PIXELS = 7;

/** A panel a number of features, a row a pair; the dashed lines are the tolerance. */
export function drawRatios(comparisons: readonly Comparison[], tolerance: number): Figure {
  const kinds = Object.entries(COLORS).map(([map, color], place) => ({
    map,
    color,
    shift: (place - 1) * SHIFT_PIXELS,
    points: comparisons
      .filter((comparison) => comparison.map === map)
      .map(({ pair, numFeatures, ratio, standardError }) => ({
        panel: `m = ${numFeatures}`,
        pair: pairName(pair),
        ratio,
        low: ratio - STANDARD_ERRORS * standardError,
        high: ratio + STANDARD_ERRORS * standardError,
      })),
  }));
  const ends = kinds.flatMap(({ points }) =>
    points.flatMap(({ low, high }) => [Math.abs(low - 1), Math.abs(high - 1)]),
  );
  const reach = 1.1 * Math.max(tolerance, ...ends);
  return {
    label:
      "Measured mean squared error over the formula of Lemma 2, for three maps, six pairs and two numbers of features",
    height: 340,
    plot: () => ({
      marginLeft: 110,
      marginRight: 16,
      marginTop: 52,
      marginBottom: 44,
      fx: {
        label: null,
        padding: 0.06,
        domain: [...new Set(comparisons.map(({ numFeatures }) => `m = ${numFeatures}`))],
      },
      x: { label: "measured / formula", labelArrow: "none", domain: [1 - reach, 1 + reach], ticks: 5, grid: true },
      y: { label: "‖x‖, ‖y‖, angle", domain: [...new Set(comparisons.map(({ pair }) => pairName(pair)))] },
      marks: [
        Plot.ruleX([1], { stroke: "#1c1e21" }),
        Plot.ruleX([1 - tolerance, 1 + tolerance], { stroke: "#1c1e21", strokeDasharray: "4 3" }),
        ...kinds.flatMap(({ points, color, shift }) => [
          Plot.ruleY(points, {
            fx: "panel",
            y: "pair",
            x1: "low",
            x2: "high",
            stroke: color,
            strokeWidth: 1.5,
            dy: shift,
          }),
          Plot.dot(points, { fx: "panel", y: "pair", x: "ratio", fill: color, r: 3, dy: shift }),
        ]),
        ...kinds.map(({ points, map, color }, place) =>
          Plot.text(points.slice(0, 1), {
            fx: "panel",
            frameAnchor: "top-left",
            text: () => `● ${map}`,
            fill: color,
            dx: 90 * place,
            dy: -42,
          }),
        ),
      ],
    }),
  };
}
