/** The distances of all cells from the truth, map by map. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";

import { STANDARD_ERRORS, type Cell } from "./cells.ts";

const COLORS = { iid: "#c2570c", orthogonal: "#2563c9", simplex: "#15803d" } as const;
/** Side by side, so that the dots of one map's projections do not lie on each other. */
const SHIFTS = { iid: -4, orthogonal: 4, simplex: 4 } as const;

/** A dot a cell; all lie between the two outer lines when nothing is biased. */
export function drawZScores(cells: readonly Cell[]): Figure {
  const maps = [...new Set(cells.map(({ map }) => map))];
  const varying = cells.filter(({ z }) => z !== null);
  const kinds = Object.entries(COLORS).map(([projection, color]) => ({
    color,
    shift: SHIFTS[projection as keyof typeof SHIFTS], // a key of COLORS, which has the same ones
    name: `${projection} rows`,
    points: varying.filter((cell) => cell.projection === projection),
  }));
  return {
    label: "Mean estimate less kernel, in standard errors, for every map, projection, norm and angle",
    height: 420,
    plot: () => ({
      marginLeft: 150,
      marginRight: 16,
      marginTop: 34,
      marginBottom: 44,
      x: {
        label: "(mean estimate − kernel) / standard error",
        labelArrow: "none",
        domain: [-5, 5],
        ticks: [-4, -2, 0, 2, 4],
        grid: true,
      },
      y: { label: null, domain: maps, padding: 0.3 },
      marks: [
        Plot.ruleX([-STANDARD_ERRORS, STANDARD_ERRORS], { stroke: "#1c1e21", strokeDasharray: "4 3" }),
        Plot.ruleX([0], { stroke: "#1c1e21" }),
        ...kinds.map(({ points, color, shift }) =>
          Plot.dot(points, { x: "z", y: "map", fill: color, fillOpacity: 0.75, r: 2.5, dy: shift }),
        ),
        ...kinds.map(({ color, name }, index) =>
          Plot.text([name], {
            frameAnchor: "top-left",
            text: () => `● ${name}`,
            fill: color,
            dx: 140 * index,
            dy: -24,
          }),
        ),
      ],
    }),
  };
}
