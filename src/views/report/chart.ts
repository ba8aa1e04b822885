/** Charts as SVG, drawn by Observable Plot on a DOM without a browser; in a page, colours are its CSS variables. */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

import type { Figure } from "../../lab/index.ts";
import { html, trustedHtml, type Html } from "./html.ts";

/** Plot scales text with the picture, so a phone gets a picture of its own, with the same size of letters. */
export const chartWidths = { wide: 720, narrow: 340 } as const;

/**
 * Draws a chart twice, for wide and for narrow screens; the page's style shows one of them (classes `wide`, `narrow`).
 *
 * Any of Plot's marks and scales can be used: lines, log-log axes, cells of a heat map.
 */
export function renderChart(figure: Figure): Html {
  const pictures = Object.entries(chartWidths).map(
    ([name, width]) => html`<div class="${name}">${trustedHtml(drawFigure(figure, { name, width }).outerHTML)}</div>`,
  );
  return html`<div class="chart">${pictures}</div>`;
}

/** @param canvas.name two pictures of one class name would share Plot's style sheet; the name keeps them apart */
export function drawFigure(
  { label, height, plot }: Figure,
  { name, width }: { readonly name: string; readonly width: number },
) {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const options = plot(width);
  return Plot.plot({ className: `plot-${name}`, ariaLabel: label, ...options, document, width, height });
}
