import { ArgumentError, problem } from "../graph/errors.ts";
/**
 * A seeded random generator whose streams are independent by path, and the fills that training needs.
 *
 * The generator is xoshiro128** 1.1 (Blackman & Vigna, 2018; public domain): 128 bits of state, 32 output bits, only
 * integer operations, so that every platform yields the same numbers. It is written out here rather than taken from the
 * `pure-rand` package: that package seeds with 32 bits alone, so hashing (seed, path) into a state would be ours
 * anyway, and its fastest generator takes 2.5 times as long a number (9 ns against 3.5 ns in Node 20). Normal numbers
 * use a logarithm of plain arithmetic, because Math.log may differ between engines in its last bit.
 */

/** One stream of random numbers. Streams are mutable: every call moves the stream on. */
export interface Random {
  /** A uniform integer in [0, 2³²). */
  uint32(): number;
  /** A uniform number in [0, 1) with 53 random bits (two draws of uint32). */
  uniform(): number;
  /**
   * A uniform integer in [0, limit), without bias (rejection).
   *
   * @param limit integer in [1, 2³²]
   * @throws ArgumentError when the limit is not such an integer
   */
  integer(limit: number): number;
  /** A normal number of mean 0 and variance 1 (Marsaglia's polar method, Comm. ACM 1964). */
  normal(): number;
}

const TWO_POW_32 = 2 ** 32;

/**
 * Opens the stream that belongs to a seed and a path. Equal arguments give equal streams; different ones independent
 * streams, e.g. `createRandom(7, "dropout", step)`. The number 7 and the string "7" differ.
 *
 * @param seed any finite number or string
 * @param path what the stream is for; any finite numbers and strings
 * @throws ArgumentError when a number is NaN or infinite
 */
export function createRandom(seed: number | string, ...path: readonly (number | string)[]): Random {
  const uint32 = xoshiro128(hashToState([seed, ...path]));
  let spareNormal: number | undefined;

  function uniform(): number {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  function integer(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > TWO_POW_32) {
      throw new ArgumentError(
        problem`random.integer: limit must be an integer from 1 to 2^32, got ${limit}; pass the number of possible
        values.`,
      );
    }
    // The largest multiple of limit up to 2³²: draws from there on would favour the small remainders.
    const accepted = TWO_POW_32 - (TWO_POW_32 % limit);
    let draw = uint32();
    while (draw >= accepted) draw = uint32();
    return draw % limit;
  }

  function normal(): number {
    if (spareNormal !== undefined) {
      const result = spareNormal;
      spareNormal = undefined;
      return result;
    }
    // (x, y) uniform in the square [-1, 1)², kept when inside the unit circle; s = x² + y².
    let x = 0;
    let y = 0;
    let s = 0;
    do {
      x = (uint32() + 0.5) * 2 ** -31 - 1;
      y = (uint32() + 0.5) * 2 ** -31 - 1;
      s = x * x + y * y;
    } while (s >= 1);
    const scale = Math.sqrt((-2 * portableLog(s)) / s);
    spareNormal = y * scale;
    return x * scale;
  }

  return { uint32, uniform, integer, normal };
}

/**
 * Fills an array with independent normal numbers: out[i] = scale · N(0, 1).
 *
 * @param scale the standard deviation; 1 unless told
 * @returns the same array
 */
export function fillNormal<T extends Float32Array | Float64Array>(random: Random, out: T, scale = 1): T {
  for (let i = 0; i < out.length; i++) out[i] = random.normal() * scale;
  return out;
}

/** Shuffles an array in place (Fisher–Yates, every order equally likely) and returns it. */
export function shuffle<T extends unknown[] | Int32Array | Uint32Array | Float32Array | Float64Array>(
  random: Random,
  array: T,
): T {
  // The elements are only moved inside the one array, so that what was read always fits where it is written.
  const items = array as unknown[];
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const moved = items[i];
    items[i] = items[j];
    items[j] = moved;
  }
  return array;
}

/** A random order of the integers 0 … n − 1. */
export function permutation(random: Random, n: number): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return shuffle(random, order);
}

/**
 * Fills a dropout mask: 1 keeps an entry, 0 drops it.
 *
 * P(0) is dropRate rounded to a multiple of 2⁻¹⁶: two entries come from one 32-bit draw, because masks are as large as
 * activations and their cost shows in every training step.
 *
 * @param dropRate probability of a 0, in [0, 1]
 * @returns the same array
 * @throws ArgumentError when dropRate is outside [0, 1]
 */
export function fillKeepMask(random: Random, out: Uint8Array, dropRate: number): Uint8Array {
  if (!(dropRate >= 0 && dropRate <= 1)) {
    throw new ArgumentError(
      problem`fillKeepMask: dropRate must be in [0, 1], got ${dropRate}; pass the probability of dropping, such as
      0.1.`,
    );
  }
  // Entry = 1 when its 16 bits are ≥ threshold, read off the sign of (threshold − 1 − bits): no branch to mispredict.
  const last = Math.round(dropRate * 65536) - 1;
  const { uint32 } = random;
  const even = out.length - (out.length % 2);
  for (let i = 0; i < even; i += 2) {
    const bits = uint32();
    out[i] = (last - (bits & 0xffff)) >>> 31;
    out[i + 1] = (last - (bits >>> 16)) >>> 31;
  }
  if (even < out.length) out[even] = (last - (uint32() & 0xffff)) >>> 31;
  return out;
}

/**
 * The bare generator: xoshiro128** 1.1 over four 32-bit words, not all zero, which it changes in place.
 *
 * The words stay in a typed array because captured variables would box every 32-bit value, at three times the cost.
 */
export function xoshiro128(state: Int32Array): () => number {
  return function uint32(): number {
    const a = state[0] ?? 0;
    const b = state[1] ?? 0;
    const c = (state[2] ?? 0) ^ a;
    const d = (state[3] ?? 0) ^ b;
    state[0] = a ^ d;
    state[1] = b ^ c;
    state[2] = c ^ (b << 9);
    state[3] = (d << 11) | (d >>> 21);
    const product = Math.imul(b, 5);
    return Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
  };
}

/** Murmur3's 32-bit finaliser: every input bit reaches every output bit. */
function mix32(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Hashes seed and path into 128 bits: four chained lanes, so that near seeds and near paths share nothing. */
function hashToState(parts: readonly (number | string)[]): Int32Array {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667];
  const absorb = (word: number) => {
    // Each lane takes in the lane before it, so that a word changes all four, and each in its own way.
    a = mix32(a ^ word ^ d);
    b = mix32((b + 0x3c6ef372) ^ a);
    c = mix32((c + 0x78dde6e4) ^ b);
    d = mix32((d + 0xb5297a4d) ^ c);
  };
  const float64 = new DataView(new ArrayBuffer(8));
  for (const part of parts) {
    if (typeof part === "string") {
      // The type and the length come first: ("ab", "c") and ("a", "bc") are different paths.
      absorb(1);
      absorb(part.length);
      for (let i = 0; i < part.length; i++) absorb(part.charCodeAt(i));
    } else {
      if (!Number.isFinite(part)) {
        throw new ArgumentError(
          problem`createRandom: seed and path numbers must be finite, got ${part}; pass an integer such as 0.`,
        );
      }
      // Adding zero turns −0 into 0.
      float64.setFloat64(0, part + 0);
      absorb(2);
      absorb(float64.getInt32(0));
      absorb(float64.getInt32(4));
    }
  }
  absorb(parts.length);
  absorb(0);
  // The all-zero state is the one from which the generator never leaves.
  if ((a | b | c | d) === 0) a = 1;
  return Int32Array.of(a, b, c, d);
}

const logBits = new DataView(new ArrayBuffer(8));

/**
 * ln x for a positive normal number, from + − × ÷ alone: x = 2ᵏ·m with m in [√½, √2), s = (m − 1)/(m + 1),
 * ln x = k·ln 2 + 2(s + s³/3 + s⁵/5 + …); eleven terms leave an error under 2⁻⁵², as |s| < 0.172.
 */
export function portableLog(x: number): number {
  logBits.setFloat64(0, x);
  const high = logBits.getInt32(0);
  let exponent = (high >>> 20) - 1023;
  logBits.setInt32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = logBits.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  let series = 1 / 17 + z * (1 / 19 + z * (1 / 21));
  series = 1 / 11 + z * (1 / 13 + z * (1 / 15 + z * series));
  series = 1 / 5 + z * (1 / 7 + z * (1 / 9 + z * series));
  series = 1 + z * (1 / 3 + z * series);
  return exponent * Math.LN2 + 2 * s * series;
}
