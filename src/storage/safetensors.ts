/**
 * The safetensors file format in both directions; pure, so that the browser reads the same files. Our own codec: the
 * npm registry's clients for the format (such as @huggingface/hub) only list the header of a file and do not write one,
 * and the whole format is the page below.
 */

import { problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { StorageError } from "./errors.ts";
import { float32FromBfloat16, float32FromFloat16 } from "../graph/half-precision.ts";

/** The reference implementation refuses longer headers, so that a damaged length cannot ask for all the memory. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const ALIGNMENT_BYTES = 8;
const METADATA_KEY = "__metadata__";

type DType = NdArray["dtype"];

interface Format {
  readonly dtype: DType;
  readonly itemBytes: number;
  readonly view: (buffer: ArrayBufferLike, offset: number, length: number) => NdArray["data"];
}

/**
 * Every dtype of the format that the project computes with, halves, which are read as float32, and short integers, as
 * int32. Files are little-endian, as is every machine the engine runs on.
 */
const formats: Readonly<Record<string, Format>> = {
  F32: { dtype: "float32", itemBytes: 4, view: (b, offset, n) => new Float32Array(b, offset, n) },
  F64: { dtype: "float64", itemBytes: 8, view: (b, offset, n) => new Float64Array(b, offset, n) },
  F16: { dtype: "float32", itemBytes: 2, view: (b, offset, n) => float32FromFloat16(new Uint16Array(b, offset, n)) },
  BF16: { dtype: "float32", itemBytes: 2, view: (b, offset, n) => float32FromBfloat16(new Uint16Array(b, offset, n)) },
  I32: { dtype: "int32", itemBytes: 4, view: (b, offset, n) => new Int32Array(b, offset, n) },
  I64: { dtype: "int64", itemBytes: 8, view: (b, offset, n) => new BigInt64Array(b, offset, n) },
  I16: { dtype: "int32", itemBytes: 2, view: (b, offset, n) => Int32Array.from(new Int16Array(b, offset, n)) },
  I8: { dtype: "int32", itemBytes: 1, view: (b, offset, n) => Int32Array.from(new Int8Array(b, offset, n)) },
  U8: { dtype: "int32", itemBytes: 1, view: (b, offset, n) => Int32Array.from(new Uint8Array(b, offset, n)) },
  BOOL: { dtype: "bool", itemBytes: 1, view: (b, offset, n) => new Uint8Array(b, offset, n) },
};

const codes = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  int64: "I64",
  bool: "BOOL",
} as const satisfies Record<DType, string>;

const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

export interface SafetensorsFile {
  readonly tensors: Record<string, NdArray>;
  readonly metadata: Record<string, string>;
}

/**
 * Writes named arrays in the safetensors format of Hugging Face: the header's length (8 bytes, little-endian), the
 * header (JSON, padded with spaces to 8 bytes), then the data of all tensors without gaps.
 *
 * The same input gives the same bytes: tensors lie by item size, widest first (so that each is aligned to its items, as
 * the reference implementation does it), then by name; metadata is sorted by key.
 *
 * @param tensors any names but `__metadata__`
 * @param metadata text beside the tensors; default none
 * @throws StorageError when a tensor's data is not of its dtype or does not fill its shape
 * Source: https://github.com/huggingface/safetensors#format
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = Object.entries(tensors).toSorted(
    ([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || compareText(a, b),
  );
  const header: [string, unknown][] = [];
  const metadataEntries = Object.entries(metadata).toSorted(([a], [b]) => compareText(a, b));
  if (metadataEntries.length > 0) header.push([METADATA_KEY, Object.fromEntries(metadataEntries)]);

  let end = 0;
  for (const [name, tensor] of sorted) {
    checkTensor(name, tensor);
    const begin = end;
    end += tensor.data.byteLength;
    header.push([name, { dtype: codes[tensor.dtype], shape: tensor.shape, data_offsets: [begin, end] }]);
  }

  const headerText = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerBytes = Math.ceil(headerText.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(headerText, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + headerText.length, LENGTH_BYTES + headerBytes);
  let offset = LENGTH_BYTES + headerBytes;
  for (const [, { data }] of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * Reads what {@link encodeSafetensors}, or any other writer of the format, wrote.
 *
 * Aligned tensors are views of `bytes` (no copy, and the whole file stays in memory while one of them lives); unaligned
 * ones are copied, halves (F16, BF16) come as float32 and short integers as int32.
 *
 * @param bytes the whole file
 * @param options.name the file's name, for error messages
 * @throws StorageError when the file is cut short or damaged, or holds a dtype other than F32, F64, F16, BF16, I32,
 *   I64, I16, I8, U8 and BOOL
 */
export function decodeSafetensors(bytes: Uint8Array, { name }: { readonly name: string }): SafetensorsFile {
  const { entries, dataStart } = readHeader(bytes, name);
  const sizeBytes = bytes.length - dataStart;
  const tensors: [string, NdArray][] = [];
  let metadata: Record<string, string> = {};
  const spans: { readonly tensor: string; readonly begin: number; readonly end: number }[] = [];

  for (const [key, value] of entries) {
    if (key === METADATA_KEY) {
      metadata = readMetadata(value, name);
      continue;
    }
    const { format, shape, begin, end } = readEntry(key, value, name);
    if (end > sizeBytes) {
      throw new StorageError(
        problem`${name}: tensor ${JSON.stringify(key)} must end at byte ${end} of the data, but the file holds
        ${sizeBytes} bytes of data; the file was cut short, copy or download it again.`,
      );
    }
    spans.push({ tensor: key, begin, end });
    tensors.push([key, { dtype: format.dtype, shape, data: readData(bytes, dataStart + begin, end - begin, format) }]);
    if (format.dtype === "bool") checkBooleans(bytes.subarray(dataStart + begin, dataStart + end), key, name);
  }
  checkCoverage(spans, sizeBytes, name);
  return { tensors: Object.fromEntries(tensors), metadata };
}

function readHeader(bytes: Uint8Array, name: string): { entries: [string, unknown][]; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) {
    throw new StorageError(
      problem`${name}: a safetensors file starts with an 8-byte header length, but the file holds ${bytes.length} bytes;
      it was cut short, copy or download it again.`,
    );
  }
  const stated = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  const available = bytes.length - LENGTH_BYTES;
  if (stated > BigInt(MAX_HEADER_BYTES)) {
    throw new StorageError(
      problem`${name}: the header of a safetensors file is at most ${MAX_HEADER_BYTES} bytes, but this file states
      ${stated}; it is damaged or in another format.`,
    );
  }
  if (stated > BigInt(available)) {
    throw new StorageError(
      problem`${name}: the header should be ${stated} bytes, but only ${available} follow its length; the file was cut
      short or is in another format, copy or download it again.`,
    );
  }
  const dataStart = LENGTH_BYTES + Number(stated);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, dataStart)));
  } catch (cause) {
    throw new StorageError(
      problem`${name}: the header must be JSON, but ${cause instanceof Error ? cause.message : String(cause)}; the file
      is damaged or in another format.`,
      { cause },
    );
  }
  if (!isObject(header)) {
    throw new StorageError(
      problem`${name}: the header must be a JSON object, got ${show(header)}; the file is damaged.`,
    );
  }
  return { entries: Object.entries(header), dataStart };
}

function readMetadata(value: unknown, name: string): Record<string, string> {
  const wrong = isObject(value) ? Object.entries(value).find(([, text]) => typeof text !== "string") : ["", value];
  if (!isObject(value) || wrong !== undefined) {
    throw new StorageError(
      problem`${name}: ${METADATA_KEY} must map names to text, got ${show(wrong)}; write the file again with text
      only.`,
    );
  }
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}

function readEntry(
  tensor: string,
  value: unknown,
  name: string,
): { format: Format; shape: number[]; begin: number; end: number } {
  const who = `${name}: tensor ${JSON.stringify(tensor)}`;
  if (!isObject(value)) {
    throw new StorageError(problem`${who} must be described by an object, got ${show(value)}; the file is damaged.`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
  if (format === undefined) {
    throw new StorageError(
      problem`${who} has dtype ${show(dtype)}, expected one of ${Object.keys(formats).join(", ")}; convert the file to
      F32 first.`,
    );
  }
  if (!isListOfCounts(shape)) {
    throw new StorageError(
      problem`${who}: shape must be a list of sizes ≥ 0, got ${show(shape)}; the file is damaged.`,
    );
  }
  const [begin, end, ...more] = isListOfCounts(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || more.length > 0 || begin > end) {
    throw new StorageError(
      problem`${who}: data_offsets must be [begin, end], got ${show(offsets)}; the file is damaged.`,
    );
  }
  const expected = shape.reduce((product, size) => product * size, 1) * format.itemBytes;
  if (end - begin !== expected) {
    throw new StorageError(
      problem`${who}: ${String(dtype)} of shape [${shape.join(", ")}] needs ${expected} bytes, but data_offsets
      [${begin}, ${end}] hold ${end - begin}; the file is damaged.`,
    );
  }
  return { format, shape, begin, end };
}

function readData(bytes: Uint8Array, begin: number, sizeBytes: number, format: Format): NdArray["data"] {
  const length = sizeBytes / format.itemBytes;
  const offset = bytes.byteOffset + begin;
  if (offset % format.itemBytes === 0) return format.view(bytes.buffer, offset, length);
  return format.view(new Uint8Array(bytes.subarray(begin, begin + sizeBytes)).buffer, 0, length);
}

/** The format has no holes and no shared bytes, so that a file cannot hide anything and each byte has one meaning. */
function checkCoverage(
  spans: readonly { readonly tensor: string; readonly begin: number; readonly end: number }[],
  sizeBytes: number,
  name: string,
): void {
  let covered = 0;
  for (const { tensor, begin, end } of spans.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw new StorageError(
        problem`${name}: tensor ${JSON.stringify(tensor)} should start at byte ${covered} of the data, where the one
        before it ends, but starts at ${begin} (${begin < covered ? "the two overlap" : "a gap"}); the file is
        damaged.`,
      );
    }
    covered = end;
  }
  if (covered !== sizeBytes) {
    throw new StorageError(
      problem`${name}: the tensors end at byte ${covered} of the data, but the file holds ${sizeBytes} bytes of data;
      the file is damaged or something was appended to it.`,
    );
  }
}

function checkBooleans(bytes: Uint8Array, tensor: string, name: string): void {
  const index = bytes.findIndex((byte) => byte > 1);
  if (index >= 0) {
    throw new StorageError(
      problem`${name}: tensor ${JSON.stringify(tensor)} is BOOL, whose bytes are 0 or 1, got ${bytes[index]} at index
      ${index}; the file is damaged.`,
    );
  }
}

function checkTensor(name: string, { dtype, shape, data }: NdArray): void {
  const who = `encodeSafetensors: tensor ${JSON.stringify(name)}`;
  if (name === METADATA_KEY)
    throw new StorageError(problem`${who}: the name is reserved by the format; choose another name.`);
  if (!(data instanceof arrayTypes[dtype])) {
    throw new StorageError(
      problem`${who} is ${dtype} and needs a ${arrayTypes[dtype].name}, got a ${data.constructor.name}.`,
    );
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (!isListOfCounts(shape) || data.length !== size) {
    throw new StorageError(
      problem`${who}: shape [${shape.join(", ")}] holds ${size} values, got ${data.length}; pass the data of the whole
      tensor.`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && Number(item) >= 0);
}

/** By UTF-16 code unit: the same on every machine, unlike a locale's order. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
