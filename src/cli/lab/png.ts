// Grey pictures as PNG, for matrices that would be a million elements as SVG.

import { encode } from "fast-png";

/**
 * A grey picture as the address of an image: `data:image/png;base64,…`.
 *
 * @param shades row by row from the top left, 0 black to 255 white; width · height of them
 */
export function greyPngUrl(shades: Uint8Array, width: number, height: number): string {
  const file = encode({ data: shades, width, height, channels: 1, depth: 8 });
  return `data:image/png;base64,${Buffer.from(file).toString("base64")}`;
}
