/** What figures of claims have alike: their margins, and the names of lines and dots in a corner of the picture. */

import * as Plot from "@observablehq/plot";

/** In pixels: room for the title of each axis and, above, for those of panels. */
export const margins = { marginLeft: 56, marginRight: 14, marginTop: 40, marginBottom: 44 } as const;

/** Distance of two names, in pixels. */
const LINE_PIXELS = 17;
/** Distance from the frame, in pixels. */
const INSET_PIXELS = 8;

export interface LegendEntry {
  readonly label: string;
  readonly color: string;
  /** What it is in the picture. Default: a line. */
  readonly mark?: "―" | "╌" | "●";
}

/** One name below the other. Plot's own legends are HTML, and a figure is one SVG picture. */
export function legend(
  entries: readonly LegendEntry[],
  corner: "top-left" | "top-right" | "bottom-right",
  /** The panel of a figure with several, named by the channel `fx`. */
  panel?: string,
): Plot.Markish[] {
  const [dx, isBottom] = [corner.endsWith("right") ? -INSET_PIXELS : INSET_PIXELS, corner.startsWith("bottom")];
  return entries.map(({ label, color, mark = "―" }, index) =>
    Plot.text([label], {
      frameAnchor: corner,
      text: () => `${mark} ${label}`,
      fill: color,
      dx,
      dy: isBottom ? -INSET_PIXELS - LINE_PIXELS * (entries.length - 1 - index) : INSET_PIXELS + LINE_PIXELS * index,
      ...(panel !== undefined && { fx: () => panel }),
    }),
  );
}
