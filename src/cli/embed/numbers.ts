// Numbers of an embedding in the precision that a file keeps them in.

import { toFloat16Bits } from "../../onnx/weight-dtype.ts";

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

/** The half-precision number of these 16 bits. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Significant decimal digits after which a text gives the same number back. */
const digits = { float32: 9, float16: 5 } as const satisfies Record<Precision, number>;

/** A row of numbers as JSON, in the fewest digits that keep them; what is not finite is null, as JSON has no word for it. */
export function jsonNumbers(values: Float32Array, precision: Precision): string {
  const texts = Array.from(roundedTo(values, precision), (value) =>
    Number.isFinite(value) ? String(Number(value.toPrecision(digits[precision]))) : "null",
  );
  return `[${texts.join(",")}]`;
}
