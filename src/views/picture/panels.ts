/** Matrices side by side, as thumbnails with titles, under a heading and above a scale of colours. */

import { rampPixels, type Ramp } from "./colours.ts";
import { QUIET, textWidth, type Mark, type Picture, type Pixels } from "./picture.ts";

export interface Panel {
  readonly title: string;
  readonly pixels: Pixels;
}

/** What colours mean. */
export interface Scale {
  readonly ramp: Ramp;
  /** Where on the ramp, in [0, 1], and what it says there. */
  readonly ticks: readonly { readonly share: number; readonly text: string }[];
  readonly title: string;
}

export interface PanelsOptions {
  /** For those who cannot see it. */
  readonly label: string;
  readonly title: string;
  /** Below the title, wrapped to the width. */
  readonly notes: readonly string[];
  /** Group by group, such as a layer; each begins a row. */
  readonly groups: readonly (readonly Panel[])[];
  /** Panels in a row. */
  readonly columns: number;
  readonly scale: Scale;
  /** What stands at the rows and columns of the matrices, at the left and below, by the row's number from 0. */
  readonly ticks?: readonly { readonly at: number; readonly text: string }[];
}

const WIDTH = 960;
const MARGIN = 20;
const GAP = 14;
const LINE = 15;
const TITLE = 16;
const TICKS = 26;
const LARGEST_SIDE = 300;
const SCALE_WIDTH = 220;
const FRAME = "#c9ccd1";

/** Lays out panels of one size. */
export function panelsPicture({ label, title, notes, groups, columns, scale, ticks = [] }: PanelsOptions): Picture {
  const left = MARGIN + (ticks.length > 0 ? TICKS : 0);
  const side = Math.min(LARGEST_SIDE, Math.floor((WIDTH - left - MARGIN + GAP) / columns) - GAP);
  const lines = notes.flatMap((note) => wrapped(note, WIDTH - 2 * MARGIN));
  const marks: Mark[] = [
    { kind: "text", x: MARGIN, y: MARGIN + 12, text: title, size: 15 },
    ...lines.map((text, index): Mark => ({
      kind: "text",
      x: MARGIN,
      y: MARGIN + 34 + index * LINE,
      text,
      colour: QUIET,
    })),
  ];
  const scaleTop = MARGIN + 34 + lines.length * LINE;
  marks.push(...scaleMarks(scale, MARGIN, scaleTop));
  const top = scaleTop + 50;
  let rows = 0;
  for (const [group, panels] of groups.entries()) {
    panels.forEach((panel, index) => {
      const column = index % columns;
      const x = left + column * (side + GAP);
      const y = top + (rows + Math.floor(index / columns)) * (side + GAP + TITLE) + TITLE;
      marks.push(
        { kind: "text", x, y: y - 5, text: cut(panel.title, side) },
        { kind: "box", x: x - 1, y: y - 1, width: side + 2, height: side + 2, fill: FRAME },
        { kind: "image", x, y, width: side, height: side, pixels: panel.pixels },
      );
      const place = (at: number) => ((at + 0.5) / panel.pixels.height) * side;
      const isLowest = group === groups.length - 1 && index + columns >= panels.length;
      for (const { at, text } of ticks) {
        if (column === 0) {
          marks.push({ kind: "text", x: x - 5, y: y + place(at) + 3.5, text, anchor: "end", colour: QUIET });
        }
        // The first number of a panel would touch the last of the one before.
        if (isLowest && (column === 0 || place(at) > 0.1 * side)) {
          marks.push({ kind: "text", x: x + place(at), y: y + side + 12, text, anchor: "middle", colour: QUIET });
        }
      }
    });
    rows += Math.ceil(panels.length / columns);
  }
  const height = top + rows * (side + GAP + TITLE) + (ticks.length > 0 ? 6 : 0) + MARGIN - GAP;
  const width = Math.max(560, left + columns * (side + GAP) - GAP + MARGIN);
  return { label, width: Math.min(WIDTH, Math.max(width, widest(marks) + MARGIN)), height, marks };
}

/** A bar of the ramp with its ticks below and its title at the right: 30 high. */
export function scaleMarks({ ramp, ticks, title }: Scale, x: number, y: number): readonly Mark[] {
  return [
    { kind: "box", x: x - 1, y: y - 1, width: SCALE_WIDTH + 2, height: 12, fill: FRAME },
    { kind: "image", x, y, width: SCALE_WIDTH, height: 10, pixels: rampPixels(ramp) },
    ...ticks.map(({ share, text }): Mark => ({
      kind: "text",
      x: x + share * SCALE_WIDTH,
      y: y + 22,
      text,
      anchor: share <= 0 ? "start" : share >= 1 ? "end" : "middle",
      colour: QUIET,
    })),
    { kind: "text", x: x + SCALE_WIDTH + 12, y: y + 9, text: title },
  ];
}

/** Lines of whole words that are no wider. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && textWidth(`${line} ${word}`) <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function cut(text: string, width: number): string {
  const most = Math.floor(width / textWidth("x"));
  return Array.from(text).length <= most ? text : Array.from(text).slice(0, most).join("");
}

function widest(marks: readonly Mark[]): number {
  return Math.max(
    ...marks.map((mark) =>
      mark.kind === "text" && (mark.anchor ?? "start") === "start" ? mark.x + textWidth(mark.text, mark.size) : 0,
    ),
  );
}
