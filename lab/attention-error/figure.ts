/** Mean squared error against the number of features, one panel a scale. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend } from "../legend.ts";
import { cellsOf, meanSquared, medianSquared, type Cell } from "./measure.ts";
import type { Scale, SubjectName } from "./subjects.ts";

export interface Panel {
  readonly scale: Scale;
  readonly cells: readonly Cell[];
  /** Mean square of the exact output: the error of an output of zeros. */
  readonly zeros: number;
}

interface Line {
  readonly subject: SubjectName;
  readonly label: string;
  readonly color: string;
  readonly dash?: string;
}

/** Without saderf, which on queries and keys of equal scale is what optimal features are. */
const LINES: readonly Line[] = [
  { subject: "trigonometric, iid", label: "trigonometric, independent rows", color: "#c2570c", dash: "4 3" },
  { subject: "trigonometric", label: "trigonometric, orthogonal", color: "#c2570c" },
  { subject: "positive, iid", label: "positive, independent rows", color: "#2563c9", dash: "4 3" },
  { subject: "positive", label: "positive, orthogonal (FAVOR+)", color: "#2563c9" },
  { subject: "hyperbolic", label: "hyperbolic", color: "#7a3fb0" },
  { subject: "optimal", label: "optimal (FAVOR++)", color: "#1f8a4c" },
  { subject: "simplex", label: "simplex", color: "#8a7a1f" },
];

/** Every second power of ten: there are a dozen of them between the best and the worst. */
const DECADES = [1e-6, 1e-4, 1e-2, 1, 1e2, 1e4];

/** Lines are means; rings are medians, for the two trigonometric subjects, where they differ. */
export function drawErrors(panels: readonly Panel[]): Figure {
  const points = (subject: SubjectName) =>
    panels.flatMap(({ scale, cells }) =>
      cellsOf(cells, subject).map((cell) => ({
        panel: panelName(scale),
        numFeatures: cell.numFeatures,
        mean: meanSquared(cell),
        median: medianSquared(cell),
      })),
    );
  const zeros = panels.map(({ scale, zeros }) => ({ panel: panelName(scale), zeros }));
  const first = panels.slice(0, 1).map(({ scale }) => ({ panel: panelName(scale) }));
  const ticks = [...new Set(points("positive").map(({ numFeatures }) => numFeatures))];
  return {
    label:
      "Mean squared error of attention against the number of features, for positive, trigonometric and other feature maps, " +
      "with queries and keys of standard deviation 1 and one half",
    height: 460,
    plot: () => ({
      marginLeft: 56,
      marginRight: 16,
      marginTop: 40,
      marginBottom: 44,
      fx: { label: null, padding: 0.06, domain: panels.map(({ scale }) => panelName(scale)) },
      x: { type: "log", base: 2, label: "features", labelArrow: "none", ticks, tickFormat: "d" },
      y: { type: "log", label: "mean squared error", labelArrow: "none", grid: true, ticks: DECADES, tickFormat: "~e" },
      marks: [
        Plot.ruleY(zeros, { fx: "panel", y: "zeros", stroke: "#1c1e21", strokeDasharray: "1 3" }),
        Plot.text(zeros, {
          fx: "panel",
          y: "zeros",
          frameAnchor: "right",
          text: () => "an output of zeros",
          dy: -7,
          fill: "#1c1e21",
        }),
        ...LINES.map(({ subject, color, dash }) =>
          Plot.lineY(points(subject), {
            fx: "panel",
            x: "numFeatures",
            y: "mean",
            stroke: color,
            strokeWidth: 1.8,
            ...(dash && { strokeDasharray: dash }),
          }),
        ),
        ...LINES.slice(0, 2).map(({ subject, color }) =>
          Plot.dot(points(subject), { fx: "panel", x: "numFeatures", y: "median", stroke: color, r: 2.5 }),
        ),
        // In the second panel, above all lines.
        ...legend(
          LINES.map(({ label, color, dash }) => ({ label, color, mark: dash ? "╌" : "―" })),
          "top-right",
          panels.slice(-1).map(({ scale }) => panelName(scale))[0],
        ),
        Plot.text(first, {
          fx: "panel",
          frameAnchor: "bottom-left",
          text: () => "lines: means; rings: medians",
          dx: 6,
          dy: -8,
          fill: "#1c1e21",
        }),
      ],
    }),
  };
}

function panelName({ std }: Scale): string {
  return `q, k ~ N(0, ${std ** 2})`;
}
