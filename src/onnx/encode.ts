/**
 * ModelProto as bytes: the messages of model.ts as protocol buffers. Field numbers: onnx.proto of ONNX 1.16.
 *
 * By the writer alone: a schema of all of ONNX (the package onnx-buf) would make the code that a page loads a third larger.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  DATA_TYPES,
  IR_VERSION,
  OPSET,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from "./model.ts";

function int(out: BinaryWriter, field: number, value: number): void {
  out.tag(field, WireType.Varint).int64(value);
}

function string(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, WireType.LengthDelimited).string(value);
}

function message(out: BinaryWriter, field: number, write: () => void): void {
  out.tag(field, WireType.LengthDelimited).fork();
  write();
  out.join();
}

/** The bytes of an .onnx file. */
export function encodeModel(graph: GraphProto, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const out = new BinaryWriter();
  int(out, 1, IR_VERSION);
  string(out, 2, "performer-ts");
  message(out, 7, () => writeGraph(out, graph));
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
  ] as const) {
    message(out, 8, () => {
      string(out, 1, domain);
      int(out, 2, version);
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    message(out, 14, () => {
      string(out, 1, key);
      string(out, 2, value);
    });
  }
  return out.finish();
}

function writeGraph(out: BinaryWriter, graph: GraphProto): void {
  for (const node of graph.nodes) message(out, 1, () => writeNode(out, node));
  string(out, 2, graph.name);
  for (const { name, array } of graph.initializers) {
    message(out, 5, () => {
      for (const length of array.shape) int(out, 1, length);
      int(out, 2, DATA_TYPES[array.dtype]);
      string(out, 8, name);
      out.tag(9, WireType.LengthDelimited).bytes(rawBytes(array.data));
    });
  }
  for (const value of graph.inputs) message(out, 11, () => writeValue(out, value));
  for (const value of graph.outputs) message(out, 12, () => writeValue(out, value));
}

/** ONNX stores raw data in little-endian order, as every platform with typed arrays that we support does. */
function rawBytes(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function writeNode(out: BinaryWriter, node: NodeProto): void {
  for (const input of node.inputs) string(out, 1, input);
  for (const output of node.outputs) string(out, 2, output);
  string(out, 3, node.name);
  string(out, 4, node.opType);
  for (const attribute of node.attributes) message(out, 5, () => writeAttribute(out, attribute));
  if (node.domain !== "") string(out, 7, node.domain);
}

function writeAttribute(out: BinaryWriter, attribute: AttributeProto): void {
  string(out, 1, attribute.name);
  switch (attribute.kind) {
    case "float":
      out.tag(2, WireType.Bit32).float(attribute.value);
      return int(out, 20, 1);
    case "int":
      int(out, 3, attribute.value);
      return int(out, 20, 2);
    case "string":
      string(out, 4, attribute.value);
      return int(out, 20, 3);
    case "graph":
      message(out, 6, () => writeGraph(out, attribute.value));
      return int(out, 20, 5);
    case "ints":
      for (const value of attribute.value) int(out, 8, value);
      return int(out, 20, 7);
  }
}

function writeValue(out: BinaryWriter, { name, dtype, shape, dims = shape }: ValueInfoProto): void {
  string(out, 1, name);
  message(out, 2, () =>
    message(out, 1, () => {
      int(out, 1, DATA_TYPES[dtype]);
      message(out, 2, () => {
        for (const length of dims) {
          message(out, 1, () => (typeof length === "number" ? int(out, 1, length) : string(out, 2, length)));
        }
      });
    }),
  );
}
