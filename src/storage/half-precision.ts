// Numbers of 16 bits as float32: IEEE half precision, and bfloat16, the upper half of a float32.

/** The half-precision number of these 16 bits. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Every half by its bits, made when it is first needed: files hold millions of them. */
let halves: Float32Array | undefined;

/** Exactly the same numbers: float32 holds every half. */
export function float32FromFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const table = (halves ??= Float32Array.from({ length: 0x10000 }, (_, each) => fromFloat16Bits(each)));
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index++) values[index] = table[bits[index] ?? 0] ?? 0;
  return values;
}

/** Exactly the same numbers. */
export function float32FromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let index = 0; index < bits.length; index++) words[index] = (bits[index] ?? 0) << 16;
  return new Float32Array(words.buffer);
}
