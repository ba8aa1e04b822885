/** A picture as a list of marks, which becomes an SVG file, or pixels (raster.ts): the same layout in both. */

import { encode } from "fast-png";

import { escapeHtml } from "../report/html.ts";

/** Pixels row by row from the top left, red, green, blue. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Lengths in pixels of the page, positions from the top left. */
export type Mark =
  | {
      readonly kind: "image";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly pixels: Pixels;
    }
  | {
      readonly kind: "text";
      readonly x: number;
      /** The y of the baseline. */
      readonly y: number;
      readonly text: string;
      /** Default 10. */
      readonly size?: 10 | 15;
      /** Default start. */
      readonly anchor?: "start" | "middle" | "end";
      /** #rrggbb. Default: nearly black. */
      readonly colour?: string;
    }
  | {
      readonly kind: "box";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      /** #rrggbb. */
      readonly fill: string;
    };

export interface Picture {
  /** What it shows, for those who cannot see it. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Later ones lie above earlier ones. */
  readonly marks: readonly Mark[];
}

export const INK = "#1c1e21";
export const QUIET = "#62676e";

/** How wide a letter is, as a share of its size: all letters alike, so that a layout knows the length of its texts. */
const ADVANCE = 0.6;

export function textWidth(text: string, size = 10): number {
  return Array.from(text).length * size * ADVANCE;
}

/** The content of an .svg file: one XML element and a line break, with nothing outside it. */
export function toSvg({ label, width, height, marks }: Picture): string {
  const lines = marks.map(markSvg).join("\n");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="${escapeHtml(label)}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace">\n` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>\n${lines}\n</svg>\n`
  );
}

function markSvg(mark: Mark): string {
  const at = `x="${short(mark.x)}" y="${short(mark.y)}"`;
  if (mark.kind === "text") {
    const { size = 10, anchor = "start", colour = INK, text } = mark;
    return `<text ${at} font-size="${size}" text-anchor="${anchor}" fill="${colour}" xml:space="preserve">${escapeHtml(text)}</text>`;
  }
  const box = `${at} width="${short(mark.width)}" height="${short(mark.height)}"`;
  if (mark.kind === "box") return `<rect ${box} fill="${mark.fill}"/>`;
  return `<image ${box} preserveAspectRatio="none" style="image-rendering: pixelated" href="${pngUrl(mark.pixels)}"/>`;
}

/** Pixels as the address of an image: `data:image/png;base64,…`. */
function pngUrl({ width, height, rgb }: Pixels): string {
  const file = encode({ data: rgb, width, height, channels: 3, depth: 8 });
  return `data:image/png;base64,${Buffer.from(file).toString("base64")}`;
}

function short(length: number): string {
  return String(Number(length.toFixed(2)));
}
