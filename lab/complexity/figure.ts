// Time over length, both logarithmic: a line a mechanism and direction, in another colour where it is not linear.

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import type { Series } from "./run.ts";
import { isLinear } from "./subjects.ts";

const PANELS = { true: "causal", false: "bidirectional" } as const;
const COLORS = { linear: "#0072b2", other: "#d55e00" } as const;

function colorOf(point: { readonly isLinear: boolean }): string {
  return point.isLinear ? COLORS.linear : COLORS.other;
}

export function drawTimes(series: readonly Series[]): Figure {
  const points = series.flatMap(({ name, causal, complexity, lengths, medianMs, exponent }) =>
    lengths.map((length, index) => ({
      panel: PANELS[`${causal}`],
      name,
      isLinear: isLinear(complexity),
      length,
      ms: medianMs[index] ?? 0,
      label: `${name} ${exponent.toFixed(2)}`,
    })),
  );
  const ends = points.filter(
    ({ name, panel, length }, index) =>
      !points.some(
        (other, at) => at !== index && other.name === name && other.panel === panel && other.length > length,
      ),
  );
  return {
    label: "Milliseconds of a forward pass by tokens, for every mechanism; behind the name the exponent of the length",
    height: 620,
    plot: () => ({
      marginLeft: 50,
      marginRight: 118,
      marginTop: 30,
      marginBottom: 44,
      fx: { label: null, padding: 0.3 },
      x: { type: "log", base: 2, label: "tokens", labelArrow: "none", tickFormat: ",d" },
      y: { type: "log", label: "ms", labelArrow: "none", grid: true, tickFormat: ",d" },
      marks: [
        Plot.lineY(points, {
          fx: "panel",
          x: "length",
          y: "ms",
          z: "name",
          stroke: colorOf,
          strokeWidth: 1.3,
        }),
        Plot.text(
          ends,
          Plot.dodgeY({
            fx: "panel",
            x: "length",
            text: "label",
            textAnchor: "start",
            dx: 5,
            fontSize: 10,
            fill: colorOf,
          }),
        ),
      ],
    }),
  };
}
