/** The whole way from a graph to a file's bytes. */
import type { Graph } from "../graph/graph.ts";
import { emitGraph } from "./emit.ts";
import { encodeModel } from "./encode.ts";

/**
 * The bytes of an .onnx file that computes a graph. Inputs keep their names; parameters are inputs like any other.
 *
 * @param metadata texts kept in the file beside the graph, by key
 * @throws GraphError when the graph has no output, when one input is declared with two types, or when an input and an
 *   output share a name
 */
export function toOnnx(graph: Graph, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return encodeModel(emitGraph(graph), metadata);
}
