/**
 * ModelProto as bytes: a protocol-buffers writer for the messages of model.ts.
 *
 * Our own because the npm package for ONNX stops at IR 8, and a generic protobuf library needs run-time code
 * generation, which a strict content-security policy forbids.
 * Field numbers: onnx.proto of ONNX 1.16.
 */
import {
  DATA_TYPES,
  IR_VERSION,
  OPSET,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from "./model.ts";

const utf8 = new TextEncoder();

/** Appends fields; nested messages are written in place, their length filled in afterwards. */
class Writer {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    this.#reserve(10);
    if (value < 0) {
      // Two's complement in 64 bits, as protocol buffers encode negative integers.
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      this.#bytes[this.#length++] = Number(rest);
      return;
    }
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    this.#bytes[this.#length++] = rest;
  }

  int(field: number, value: number): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  message(field: number, write: () => void): void {
    this.#varint(field * 8 + 2);
    // A padded five-byte length keeps the place, so the message needs no buffer of its own.
    this.#reserve(5);
    const place = this.#length;
    this.#length += 5;
    write();
    let size = this.#length - place - 5;
    for (let index = 0; index < 5; index++) {
      this.#bytes[place + index] = (size % 128) | (index < 4 ? 128 : 0);
      size = Math.floor(size / 128);
    }
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** The bytes of an .onnx file. */
export function encodeModel(graph: GraphProto, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const out = new Writer();
  out.int(1, IR_VERSION);
  out.string(2, "performer-ts");
  out.message(7, () => writeGraph(out, graph));
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
  ] as const) {
    out.message(8, () => {
      out.string(1, domain);
      out.int(2, version);
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    out.message(14, () => {
      out.string(1, key);
      out.string(2, value);
    });
  }
  return out.finish();
}

function writeGraph(out: Writer, graph: GraphProto): void {
  for (const node of graph.nodes) out.message(1, () => writeNode(out, node));
  out.string(2, graph.name);
  for (const { name, array } of graph.initializers) {
    out.message(5, () => {
      for (const length of array.shape) out.int(1, length);
      out.int(2, DATA_TYPES[array.dtype]);
      out.string(8, name);
      out.bytes(9, rawBytes(array.data));
    });
  }
  for (const value of graph.inputs) out.message(11, () => writeValue(out, value));
  for (const value of graph.outputs) out.message(12, () => writeValue(out, value));
}

/** ONNX stores raw data in little-endian order, as every platform with typed arrays that we support does. */
function rawBytes(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function writeNode(out: Writer, node: NodeProto): void {
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  out.string(3, node.name);
  out.string(4, node.opType);
  for (const attribute of node.attributes) out.message(5, () => writeAttribute(out, attribute));
  if (node.domain !== "") out.string(7, node.domain);
}

function writeAttribute(out: Writer, attribute: AttributeProto): void {
  out.string(1, attribute.name);
  switch (attribute.kind) {
    case "float":
      out.float(2, attribute.value);
      return out.int(20, 1);
    case "int":
      out.int(3, attribute.value);
      return out.int(20, 2);
    case "string":
      out.string(4, attribute.value);
      return out.int(20, 3);
    case "graph":
      out.message(6, () => writeGraph(out, attribute.value));
      return out.int(20, 5);
    case "ints":
      for (const value of attribute.value) out.int(8, value);
      return out.int(20, 7);
  }
}

function writeValue(out: Writer, { name, dtype, shape, dims = shape }: ValueInfoProto): void {
  out.string(1, name);
  out.message(2, () =>
    out.message(1, () => {
      out.int(1, DATA_TYPES[dtype]);
      out.message(2, () => {
        for (const length of dims) {
          out.message(1, () => (typeof length === "number" ? out.int(1, length) : out.string(2, length)));
        }
      });
    }),
  );
}
