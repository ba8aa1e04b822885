/** The regularized kernel over the softmax kernel against headDim. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";

import type { Comparison, Curve } from "./result.ts";
import { publishedBound } from "./series.ts";

const COLORS = { iid: "#c2570c", orthogonal: "#2563c9" } as const;
/** The axis margin on either side, as a factor: room for the dots beside the outer values. */
const MARGIN = 1.15;
/** From the end of a curve to its name, past the dots and the frame. */
const LABEL_PIXELS = 24;
const SHIFTS = { iid: -4, orthogonal: 4 } as const;

/** Curves are the series, dots with intervals what was measured, the dashed curve is Theorem 3. */
export function drawConvergence(
  curves: readonly Curve[],
  comparisons: readonly Comparison[],
  standardErrors: number,
): Figure {
  const lines = curves.map(({ sumNorm, ratios }) => ratios.map((point) => ({ ...point, sumNorm })));
  const headDims = curves[0]?.ratios.map(({ headDim }) => headDim) ?? [];
  const [least, most] = [Math.min(...headDims), Math.max(...headDims)];
  const bound = headDims.map((headDim) => ({ headDim, ratio: publishedBound(headDim) }));
  const kinds = (["iid", "orthogonal"] as const).map((projection, place) => ({
    color: COLORS[projection],
    shift: SHIFTS[projection],
    place,
    name: `${projection} rows, measured`,
    points: comparisons
      .filter((comparison) => comparison.projection === projection)
      .map((comparison) => ({
        ...comparison,
        low: comparison.ratio - standardErrors * comparison.standardError,
        high: comparison.ratio + standardErrors * comparison.standardError,
      })),
  }));
  return {
    label:
      "The regularized over the softmax kernel against headDim, for six lengths of x + y, measured and by its series",
    height: 400,
    plot: () => ({
      marginLeft: 60,
      marginRight: 100,
      marginTop: 34,
      marginBottom: 44,
      x: {
        type: "log",
        base: 2,
        label: "headDim",
        labelArrow: "none",
        domain: [least / MARGIN, most * MARGIN],
        ticks: [...headDims],
        tickFormat: String,
      },
      y: { label: "SMREG / SM", labelAnchor: "center", labelArrow: "none", domain: [0, 1.05], grid: true },
      marks: [
        Plot.ruleY([1], { stroke: "#1c1e21" }),
        Plot.line(bound, { x: "headDim", y: "ratio", stroke: "#1c1e21", strokeDasharray: "4 3", clip: true }),
        Plot.text(bound.slice(-1), {
          x: "headDim",
          y: "ratio",
          text: () => "Theorem 3",
          textAnchor: "start",
          dx: LABEL_PIXELS,
        }),
        ...lines.flatMap((line) => [
          Plot.line(line, { x: "headDim", y: "ratio", stroke: "#9aa0a6" }),
          // The shortest sums end so near to 1 that their names would lie on each other.
          Plot.text(
            line.slice(-1).filter(({ sumNorm }) => sumNorm >= 2),
            {
              x: "headDim",
              y: "ratio",
              text: ({ sumNorm }: { sumNorm: number }) => `‖x+y‖ = ${sumNorm}`,
              textAnchor: "start",
              dx: LABEL_PIXELS,
            },
          ),
        ]),
        ...kinds.flatMap(({ points, color, shift }) => [
          Plot.ruleX(points, {
            x: "headDim",
            y1: "low",
            y2: "high",
            stroke: color,
            strokeWidth: 1.5,
            dx: shift,
            clip: true,
          }),
          Plot.dot(points, { x: "headDim", y: "ratio", fill: color, r: 2.5, dx: shift }),
        ]),
        ...kinds.map(({ name, color, place }) =>
          Plot.text([name], {
            frameAnchor: "top-left",
            text: () => `● ${name}`,
            fill: color,
            dx: 10 + 180 * place,
            dy: -24,
          }),
        ),
      ],
    }),
  };
}
