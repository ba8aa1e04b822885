/**
 * Time or memory against the length of the sequence, both logarithmic: what is linear has slope 1, what is quadratic 2.
 */

import * as Plot from "@observablehq/plot";

import type { Figure } from "../lab/index.ts";
import type { CurvePoint } from "./curves.ts";

const FACET_HEIGHT = 300;
const LEGEND_LINE = 16;

/** Colours that can be told apart; more series repeat them, dashed. */
const COLORS = ["#2563c9", "#c2570c", "#1a7f4b", "#8b3fb0", "#b3261e", "#0e7c86", "#6b7280"] as const;
/** The fastest that anything can be, where it is measured. */
const FREE_COLOR = "#1c1e21";

/**
 * A panel for each column and row that the points name; series are named in the first one.
 *
 * @param label what the picture shows, for readers who do not see it
 */
export function drawCurves(label: string, points: readonly CurvePoint[]): Figure {
  const columns = distinct(points.map(({ column }) => column));
  const rows = distinct(points.map(({ row }) => row));
  const styles = distinct(points.map(({ series }) => series)).map((series, index) => ({
    series,
    stroke: series === "X" ? FREE_COLOR : (COLORS[index % COLORS.length] ?? FREE_COLOR),
    dashed: series === "X" || index >= COLORS.length,
  }));
  const drawn = points.toSorted((a, b) => a.tokens - b.tokens);
  return {
    label,
    height: 90 + rows.length * FACET_HEIGHT + styles.length * LEGEND_LINE,
    plot: () => ({
      marginLeft: 60,
      marginRight: 24,
      marginTop: 40 + styles.length * LEGEND_LINE,
      marginBottom: 44,
      fx: { label: null, padding: 0.12, domain: columns },
      fy: { axis: null, padding: 0.1, domain: rows },
      x: {
        type: "log",
        base: 2,
        label: "tokens (Ki: 1,024)",
        labelArrow: "none",
        grid: true,
        ticks: [...new Set(points.map(({ tokens }) => tokens))],
        tickFormat: formatTokens,
      },
      y: { type: "log", label: null, grid: true, tickFormat: "~s" },
      marks: [
        Plot.text(rows, {
          fx: () => columns[0],
          fy: (row: string) => row,
          frameAnchor: "top-left",
          text: (row: string) => row,
          fontWeight: "bold",
          dx: 8,
          dy: 6,
        }),
        ...styles.flatMap(({ series, stroke, dashed }, index) => {
          const own = drawn.filter((point) => point.series === series);
          const place = { fx: "column", fy: "row", x: "tokens", y: "value" } as const;
          return [
            Plot.lineY(own, { ...place, stroke, strokeWidth: 1.5, ...(dashed && { strokeDasharray: "5,4" }) }),
            Plot.dot(own, { ...place, fill: stroke, r: 2.6 }),
            Plot.text([series], {
              fx: () => columns[0],
              fy: () => rows[0],
              frameAnchor: "top-left",
              text: () => `${dashed ? "╌" : "―"} ${series}`,
              fill: stroke,
              textAnchor: "start",
              dy: -LEGEND_LINE * (styles.length - index) - 18,
            }),
          ];
        }),
      ],
    }),
  };
}

/** 16384 → "16Ki". */
function formatTokens(tokens: number): string {
  return tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}Ki` : String(tokens);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
