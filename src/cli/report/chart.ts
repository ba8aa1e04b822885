// Charts as inline SVG, drawn by Observable Plot on a DOM without a browser; colours are CSS variables of the page.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

import { html, trustedHtml } from "./html.ts";
import type { Html } from "./html.ts";

/** Plot scales text with the picture, so a phone gets a picture of its own, with the same size of letters. */
const widths = { wide: 720, narrow: 340 } as const;

export interface ChartOptions {
  /** What the picture shows, for readers who do not see it. */
  readonly label: string;
  /** In pixels, of both pictures. */
  readonly height: number;
  /** Everything else as in Plot's documentation, for the width that is given. */
  readonly plot: (widthPixels: number) => Plot.PlotOptions;
}

/**
 * Draws a chart twice, for wide and for narrow screens; the page's style shows one of them (classes `wide`, `narrow`).
 *
 * Any of Plot's marks and scales can be used: lines, log-log axes, cells of a heat map.
 */
export function renderChart({ label, height, plot }: ChartOptions): Html {
  const pictures = Object.entries(widths).map(([name, width]) => {
    const { document } = parseHTML("<!doctype html><html><body></body></html>");
    const options = plot(width);
    // Two marks of the same class name would share Plot's style sheet; the name keeps them apart.
    const figure = Plot.plot({ className: `plot-${name}`, ariaLabel: label, ...options, document, width, height });
    return html`<div class="${name}">${trustedHtml(figure.outerHTML)}</div>`;
  });
  return html`<div class="chart">${pictures}</div>`;
}
