/** Equality of arrays by their bytes, which tell 0 from −0. */
import type { NdArray } from "../../graph/ndarray.ts";
import { sameShape } from "../../graph/shape.ts";
import type { RawArray } from "../model.ts";

export function sameArray(a: NdArray | RawArray, b: NdArray | RawArray): boolean {
  if (a === b) return true;
  if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) return false;
  const [left, right] = [bytesOf(a), bytesOf(b)];
  return left.every((byte, index) => byte === right[index]);
}

export function bytesOf({ data }: NdArray | RawArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
