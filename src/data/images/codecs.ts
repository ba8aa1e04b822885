/** PNG and JPEG files to pixels, and pixels to PNG. */
import { decode as decodePng, encode as encodePng } from "fast-png";
import { DataError, unreadableBy, quoted } from "../errors.ts";
import type { PixelImage } from "./pixels.ts";

/**
 * A PNG or JPEG file, recognised by its first bytes, as 8-bit pixels: grey stays grey, everything else becomes RGB.
 * Transparent pixels are blended with white. Orientation tags of cameras are not followed.
 *
 * @param name the file's name, for messages
 * @throws DataError when it is neither, or damaged
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<PixelImage> {
  const decode = startsWith(bytes, [0x89, 0x50, 0x4e, 0x47])
    ? readPng
    : startsWith(bytes, [0xff, 0xd8, 0xff])
      ? readJpeg
      : undefined;
  if (decode === undefined) {
    throw new DataError({
      who: name,
      rule: "an image must be a PNG or a JPEG file",
      got:
        bytes.length === 0
          ? "an empty file"
          : `a file that starts with ${quoted(String.fromCharCode(...bytes.subarray(0, 4)))}`,
      fix: "convert it, for example with ImageMagick: magick picture.webp picture.png",
    });
  }
  try {
    return await decode(bytes);
  } catch (error) {
    const fix = "fetch the file again, or leave it out";
    throw unreadableBy(name, "the image must be complete and intact", "decoder", fix, error);
  }
}

/** The bytes of a PNG file. */
export function encodePngImage({ width, height, channels, pixels }: PixelImage): Uint8Array {
  return encodePng({ width, height, channels, depth: 8, data: pixels });
}

function readPng(bytes: Uint8Array): PixelImage {
  const { width, height, data, depth, channels, palette } = decodePng(bytes);
  const numPixels = width * height;
  /** Value i of row-major channels, as 0 … 255. Depths below 8 are packed, each row from a byte of its own. */
  const highest = 2 ** depth - 1;
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  function raw(pixel: number, channel: number): number {
    const column = (pixel % width) * channels + channel;
    const row = Math.floor(pixel / width);
    if (depth >= 8) return data[row * width * channels + column] ?? 0;
    const bit = column * depth;
    const byte = data[row * rowBytes + (bit >> 3)] ?? 0;
    return (byte >> (8 - depth - (bit & 7))) & highest;
  }
  const scaled = (pixel: number, channel: number): number => (raw(pixel, channel) * 255) / highest;

  if (palette !== undefined) {
    return fromRgba(width, height, (pixel) => {
      const [r = 0, g = 0, b = 0, a = 255] = palette[raw(pixel, 0)] ?? [];
      return [r, g, b, a];
    });
  }
  if (channels >= 3) {
    return fromRgba(width, height, (pixel) => [
      scaled(pixel, 0),
      scaled(pixel, 1),
      scaled(pixel, 2),
      channels === 4 ? scaled(pixel, 3) : 255,
    ]);
  }
  const pixels = Uint8Array.from({ length: numPixels }, (_, i) =>
    onWhite(scaled(i, 0), channels === 2 ? scaled(i, 1) : 255),
  );
  return { width, height, channels: 1, pixels };
}

async function readJpeg(bytes: Uint8Array): Promise<PixelImage> {
  // Loaded on use: few readers have JPEG files.
  const { decode } = await import("jpeg-js");
  const { width, height, data } = decode(bytes, { useTArray: true });
  return fromRgba(width, height, (pixel) => [
    data[4 * pixel] ?? 0,
    data[4 * pixel + 1] ?? 0,
    data[4 * pixel + 2] ?? 0,
    255,
  ]);
}

function fromRgba(
  width: number,
  height: number,
  rgba: (pixel: number) => readonly [number, number, number, number],
): PixelImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b, alpha] = rgba(i);
    pixels[3 * i] = onWhite(r, alpha);
    pixels[3 * i + 1] = onWhite(g, alpha);
    pixels[3 * i + 2] = onWhite(b, alpha);
  }
  return { width, height, channels: 3, pixels };
}

function onWhite(intensity: number, alpha: number): number {
  return Math.round((intensity * alpha) / 255 + 255 - alpha);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
