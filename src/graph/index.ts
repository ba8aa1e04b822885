/** The graph language: tensors, shapes, scopes, and how ops are defined. */
export { defineMultiOp, defineOp } from "./define-op.ts";
export type { MultiOpDefinition, OpDefinition, Vjp } from "./define-op.ts";
export type { Emitter, EmitOptions, OnnxAttribute, SubgraphSpec } from "./emitter.ts";
export { ArgumentError, errorCodes, GraphError, PerformerError, problem, ShapeError } from "./errors.ts";
export type { ErrorCode, Problem } from "./errors.ts";
export { expectShapes } from "./expect-shapes.ts";
export { printGraph } from "./graph.ts";
export type { Graph } from "./graph.ts";
export { fromFloat64, ndarray, toFloat64, zeros } from "./ndarray.ts";
export type { DType, NdArray, TypedArray } from "./ndarray.ts";
export { notDifferentiable } from "./op-rule.ts";
export type { NotDifferentiable, OpRule, ReferenceArray } from "./op-rule.ts";
export { scope } from "./scope.ts";
export { broadcastShapes, formatShape, sizeOf } from "./shape.ts";
export type { Shape } from "./shape.ts";
export type { Node, Tensor, TensorRecord, Tensors, TensorType } from "./tensor.ts";
