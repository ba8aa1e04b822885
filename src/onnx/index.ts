/** The ONNX writer: from a graph to the bytes of an .onnx file. */
export { emitDynamic } from "./dynamic/emit-dynamic.ts";
export type { FreeLength } from "./dynamic/generalize.ts";
export { emitGraph } from "./emit.ts";
export { encodeModel } from "./encode.ts";
export type { AttributeProto, GraphProto, InitializerProto, NodeProto, ValueInfoProto } from "./model.ts";
export { toOnnx } from "./to-onnx.ts";
