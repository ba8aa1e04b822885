/** A picture as a PNG file, without a browser: images, boxes, and letters of a font of pixels. */

import { encode } from "fast-png";

import type { Colour } from "./colours.ts";
import { INK, textWidth, type Mark, type Picture, type Pixels } from "./picture.ts";
import { GLYPH_DEPTH, GLYPH_HEIGHT, GLYPH_WIDTH, isInked } from "./pixel-font.ts";

/** Pixels of the file for one of the layout, as on most screens today. */
const RATIO = 2;

/** The bytes of a .png file. */
export function toPng({ width, height, marks }: Picture): Uint8Array {
  const size = { width: Math.ceil(width * RATIO), height: Math.ceil(height * RATIO) };
  const whole: Canvas = { ...size, rgb: new Uint8Array(3 * size.width * size.height).fill(255) };
  for (const mark of marks) draw(whole, mark);
  return encode({ data: whole.rgb, width: whole.width, height: whole.height, channels: 3, depth: 8 });
}

type Canvas = Pixels;

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function draw(canvas: Canvas, mark: Mark): void {
  if (mark.kind === "text") drawText(canvas, mark);
  else if (mark.kind === "box") fill(canvas, scaled(mark), parseColour(mark.fill));
  else drawImage(canvas, scaled(mark), mark.pixels);
}

/** In pixels of the file; at least one, so that a thin line does not vanish. */
function scaled({ x, y, width, height }: Area): Area {
  const [left, top] = [Math.round(x * RATIO), Math.round(y * RATIO)];
  const right = Math.round((x + width) * RATIO);
  const bottom = Math.round((y + height) * RATIO);
  return { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}

function fill(canvas: Canvas, { x, y, width, height }: Area, [red, green, blue]: Colour): void {
  const [left, right] = [Math.max(0, x), Math.min(canvas.width, x + width)];
  for (let row = Math.max(0, y); row < Math.min(canvas.height, y + height); row++) {
    for (let index = 3 * (row * canvas.width + left); index < 3 * (row * canvas.width + right); index += 3) {
      canvas.rgb[index] = red;
      canvas.rgb[index + 1] = green;
      canvas.rgb[index + 2] = blue;
    }
  }
}

/** Enlarged pixels stay sharp; reduced ones are means, so that no line of a matrix is lost. */
function drawImage(canvas: Canvas, area: Area, { width, height, rgb }: Pixels): void {
  const rangeOf = (place: number, size: number, from: number): readonly [number, number] => {
    const start = Math.min(from - 1, Math.floor((place * from) / size));
    return [start, Math.max(start + 1, from > size ? Math.floor(((place + 1) * from) / size) : start + 1)];
  };
  for (let row = 0; row < area.height; row++) {
    const [top, bottom] = rangeOf(row, area.height, height);
    for (let column = 0; column < area.width; column++) {
      const [left, right] = rangeOf(column, area.width, width);
      const [x, y] = [area.x + column, area.y + row];
      if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) continue;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let line = top; line < bottom; line++) {
          for (let place = left; place < right; place++) sum += rgb[3 * (line * width + place) + channel] ?? 0;
        }
        canvas.rgb[3 * (y * canvas.width + x) + channel] = sum / ((right - left) * (bottom - top));
      }
    }
  }
}

function drawText(
  canvas: Canvas,
  { x, y, text, size = 10, anchor = "start", colour = INK }: Mark & { kind: "text" },
): void {
  const zoom = Math.round((size / 10) * RATIO);
  const shares = { start: 0, middle: 0.5, end: 1 } as const;
  const left = Math.round((x - shares[anchor] * textWidth(text, size)) * RATIO);
  const top = Math.round(y * RATIO) - GLYPH_HEIGHT * zoom;
  const ink = parseColour(colour);
  Array.from(text).forEach((letter, index) => {
    const start = left + index * (GLYPH_WIDTH + 1) * zoom;
    for (let row = 0; row < GLYPH_HEIGHT + GLYPH_DEPTH; row++) {
      for (let column = 0; column < GLYPH_WIDTH; column++) {
        if (!isInked(letter, row, column)) continue;
        const pixel = { x: start + column * zoom, y: top + row * zoom, width: zoom, height: zoom };
        fill(canvas, pixel, ink);
      }
    }
  });
}

/** #rrggbb. */
function parseColour(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
