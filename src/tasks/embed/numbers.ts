/** Numbers of an embedding in the precision that a file keeps them in. */

import { fromFloat16Bits, toFloat16Bits } from "../../graph/half-precision.ts";

/** Half precision halves a file, at about three significant digits: enough for neighbours and classifiers. */
export const precisions = ["float32", "float16"] as const;
export type Precision = (typeof precisions)[number];

/** Little-endian bytes; float16 is rounded to nearest, ties to even. */
export function numberBytes(values: Float32Array, precision: Precision): Uint8Array {
  const kept = precision === "float32" ? values : Uint16Array.from(values, toFloat16Bits);
  return new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
}

/** The values that such a file gives back. */
export function roundedTo(values: Float32Array, precision: Precision): Float32Array {
  return precision === "float32" ? values : values.map((value) => fromFloat16Bits(toFloat16Bits(value)));
}

/** Significant decimal digits after which a text gives the same number back. */
const digits = { float32: 9, float16: 5 } as const satisfies Record<Precision, number>;

/**
 * A row of numbers as JSON, in the fewest digits that keep them; what is not finite is null, as JSON has no word for
 * it.
 */
export function jsonNumbers(values: Float32Array, precision: Precision): string {
  const texts = Array.from(roundedTo(values, precision), (value) =>
    Number.isFinite(value) ? String(Number(value.toPrecision(digits[precision]))) : "null",
  );
  return `[${texts.join(",")}]`;
}
