/** The picture of a claim: what Observable Plot draws, for whichever width and document it is drawn on. */

import type { PlotOptions } from "@observablehq/plot";

export interface Figure {
  /** What the picture shows, for readers who do not see it. */
  readonly label: string;
  /** In pixels. */
  readonly height: number;
  /**
   * Everything else as in Plot's documentation, for the width that is given. It has to stay one SVG picture: title,
   * subtitle, caption and colour legends are HTML in Plot, so series are named by `Plot.text` marks.
   */
  readonly plot: (widthPixels: number) => PlotOptions;
}
