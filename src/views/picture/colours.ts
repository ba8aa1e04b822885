/** Numbers as colours. */

import type { Pixels } from "./picture.ts";

export type Colour = readonly [red: number, green: number, blue: number];

/** From a share in [0, 1] to a colour; what lies outside is brought to the nearest end. */
export type Ramp = (share: number) => Colour;

/** Colours at equal steps, and what lies between them. */
function rampOf(...stops: readonly Colour[]): Ramp {
  return (share) => {
    const place = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    const [from = [0, 0, 0], to = [0, 0, 0]] = [stops[below], stops[below + 1]];
    const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (place - below) * (to[channel] - from[channel]));
    return [mix(0), mix(1), mix(2)];
  };
}

/**
 * From nothing, white, to much, dark blue; darker all the way, so that it can be read in print and by the colour-blind.
 */
export const amountStops = [
  [255, 255, 255],
  [228, 242, 208],
  [159, 214, 186],
  [65, 167, 194],
  [38, 103, 174],
  [12, 36, 97],
] as const satisfies readonly Colour[];
export const amountRamp: Ramp = rampOf(...amountStops);

/** White to black. */
export const greyRamp: Ramp = rampOf([255, 255, 255], [0, 0, 0]);

/** From less than usual, blue, by white to more, red. */
export const differenceStops = [
  [33, 102, 172],
  [146, 197, 222],
  [247, 247, 247],
  [244, 165, 130],
  [178, 24, 43],
] as const satisfies readonly Colour[];
export const differenceRamp: Ramp = rampOf(...differenceStops);

/** Where there is no number. */
const NO_NUMBER: Colour = [222, 224, 227];

/**
 * A matrix as pixels, one a number.
 *
 * @param shareOf the number at a row and a column as a share of the ramp; NaN is grey
 */
export function matrixPixels(
  { rows, columns, ramp }: { readonly rows: number; readonly columns: number; readonly ramp: Ramp },
  shareOf: (row: number, column: number) => number,
): Pixels {
  const rgb = new Uint8Array(3 * rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const share = shareOf(row, column);
      rgb.set(Number.isNaN(share) ? NO_NUMBER : ramp(share), 3 * (row * columns + column));
    }
  }
  return { width: columns, height: rows, rgb };
}

/** The ramp itself, from left to right. */
export function rampPixels(ramp: Ramp): Pixels {
  return matrixPixels({ rows: 1, columns: 128, ramp }, (_, column) => column / 127);
}

/** #rrggbb. */
export function hexOf(colour: Colour): string {
  return `#${colour.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}
