/** Reads IDX, the format of MNIST and its successors: a magic number, the sizes, then bytes. */
import { readBytes, type ByteSource } from "../bytes.ts";
import { DataError } from "../errors.ts";

/** An array of unsigned bytes. */
export interface IdxArray {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly data: Uint8Array;
}

/** The type code of unsigned bytes, the only one that images and labels use. */
const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file, plain or gzip: bytes 0, 0, type, rank; then rank sizes of 32 bits, big end first; then the data.
 *
 * @param name the file's name, for messages
 * @param rank how many sizes there must be: 3 for images, 1 for labels
 * @throws DataError when the file is not IDX of unsigned bytes of this rank, or holds fewer or more bytes than it
 *   announces
 */
export async function readIdx(source: ByteSource, name: string, rank: number): Promise<IdxArray> {
  const bytes = await readBytes(source, name);
  const [first, second, type, rankFound = 0] = bytes;
  const headerBytes = 4 + 4 * rankFound;
  if (first !== 0 || second !== 0 || type !== UNSIGNED_BYTE || rankFound !== rank || bytes.length < headerBytes) {
    throw new DataError({
      who: name,
      rule: `the file must be IDX of unsigned bytes with ${rank} dimensions (magic number 0000080${rank})`,
      got: `the bytes ${Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("")}`,
      fix: "give images as …-images-idx3-ubyte and labels as …-labels-idx1-ubyte, plain or compressed with gzip",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const data = bytes.subarray(headerBytes);
  const announced = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== announced) {
    throw new DataError({
      who: name,
      rule: `an array of ${dims.join(" × ")} must have ${announced} bytes`,
      got: `${data.length} bytes`,
      fix: "the file was probably cut off while it was copied: fetch it again",
    });
  }
  return { dims, data };
}
