/** Numbers of 16 bits: IEEE half precision, to and from float32, and bfloat16, the upper half of a float32. */

/** The half-precision number of these 16 bits. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const float = new Float32Array(1);
const bitsOfFloat = new Uint32Array(float.buffer);

/** The bits of the nearest half-precision number, ties to even; what is too large becomes infinite. */
export function toFloat16Bits(value: number): number {
  float[0] = value;
  const bits = bitsOfFloat[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴, and whole numbers round to even by themselves when 2²³ is added.
  if (magnitude < 0x38800000) return sign | roundHalfToEven(Math.abs(value) * 2 ** 24);
  // 13 bits fall away; a carry runs over into the exponent, as it must.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function roundHalfToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
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
