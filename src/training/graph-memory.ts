/**
 * How much memory a graph takes while it runs: its values, each from the node that computes it to the last one that
 * reads it.
 *
 * A model of what the engine does on CPUs, close enough to tell before a run whether it fits: nodes run in the engine's
 * order, which begins with the graph's last output and with the last input of each node; reshaped values share their
 * bytes; elementwise ops write over an input that nothing else reads.
 */
import { inputName } from "../graph/inputs.ts";
import { nodesInOrder, type Graph } from "../graph/graph.ts";
import type { DType } from "../graph/ndarray.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Node, Tensor, TensorType } from "../graph/tensor.ts";

export interface GraphMemory {
  /** Most bytes of computed values alive at a time, outputs included. */
  readonly valueBytes: number;
  /** The size of the largest computed value. */
  readonly largestBytes: number;
  /** The size of the outputs, which the engine copies when it returns them. */
  readonly outputBytes: number;
  /** The size of the constants in the graph. */
  readonly constantBytes: number;
}

const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, int64: 8, bool: 1 };

function bytesOf({ dtype, shape }: TensorType): number {
  return BYTES[dtype] * sizeOf(shape);
}

/** Ops whose outputs are their inputs, in the same order. */
const SHARING = new Set(["Reshape", "StopGradient", "CustomGradient"]);

/** Ops that the engine lets write over an input of the same size. */
const IN_PLACE = new Set("Add Sub Mul Div Abs Neg Reciprocal Sqrt Exp Log Tanh Sigmoid Relu".split(" "));

/** Memory of a graph, without its inputs, which are read where they are. */
export function graphMemory({ outputs }: Graph): GraphMemory {
  const results = Object.values(outputs);
  const nodes = nodesInOrder(results.toReversed(), undefined, "last input");
  const computed = nodes.filter((node) => !isConstant(node) && inputName(node) === undefined);
  return {
    valueBytes: mostAlive(nodes, results),
    largestBytes: Math.max(0, ...computed.flatMap((node) => node.outputs.map(bytesOf))),
    outputBytes: total(results),
    constantBytes: total(nodes.filter(isConstant).flatMap((node) => node.outputs)),
  };
}

/** Bytes of one value, or of several that share them, and how many nodes have yet to read it. */
interface Storage {
  readonly bytes: number;
  readers: number;
}

function mostAlive(nodes: readonly Node[], results: readonly Tensor[]): number {
  const storages = new Map<Tensor, Storage>();
  const storageOf = (tensor: Tensor): Storage => storages.get(tensor) ?? { bytes: 0, readers: 1 };
  for (const node of nodes) {
    node.outputs.forEach((tensor, index) => {
      const shared = SHARING.has(node.op.name) ? node.inputs[sharedInput(node, index)] : undefined;
      const isGiven = isConstant(node) || inputName(node) !== undefined;
      storages.set(
        tensor,
        shared === undefined ? { bytes: isGiven ? 0 : bytesOf(tensor), readers: 0 } : storageOf(shared),
      );
    });
    for (const storage of new Set(node.inputs.map(storageOf))) storage.readers++;
  }
  for (const tensor of results) storageOf(tensor).readers++;

  let alive = 0;
  let most = 0;
  const begun = new Set<Storage>();
  for (const node of nodes) {
    const read = new Set(node.inputs.map(storageOf));
    const made = node.outputs.map(storageOf).filter((storage) => !begun.has(storage));
    const free = IN_PLACE.has(node.op.name)
      ? [...read].find(({ bytes, readers }) => readers === 1 && bytes === made[0]?.bytes)
      : undefined;
    for (const storage of made) {
      begun.add(storage);
      alive += storage.bytes;
    }
    most = Math.max(most, alive - (free?.bytes ?? 0) + insideOf(node));
    for (const storage of read) {
      storage.readers--;
      if (storage.readers === 0) alive -= storage.bytes;
    }
    // What nothing reads is gone at once.
    for (const storage of made) if (storage.readers === 0) alive -= storage.bytes;
  }
  return most;
}

/** CustomGradient's outputs are its last inputs; the first are what gradients are wanted for. */
function sharedInput({ inputs, outputs }: Node, index: number): number {
  return inputs.length - outputs.length + index;
}

interface Body {
  readonly results: readonly Tensor[];
  readonly captured: readonly Tensor[];
}

function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && "results" in value && "captured" in value;
}

/** The graphs inside a node: of a loop its attributes, of a choice two of them. */
function bodiesOf(node: Node): readonly Body[] {
  const { attributes } = node;
  // The elements of a constant are made when they are first looked at.
  if (isConstant(node) || typeof attributes !== "object" || attributes === null) return [];
  return [attributes, ...Object.values(attributes)].filter(isBody);
}

function nodesOfBody({ results, captured }: Body): readonly Node[] {
  return nodesInOrder(results, new Set(captured), "last input");
}

/** Bytes that a step of a loop, or a branch, takes beside its results. */
function insideOf(node: Node): number {
  return Math.max(0, ...bodiesOf(node).map((body) => mostAlive(nodesOfBody(body), body.results)));
}

function isConstant({ op }: Node): boolean {
  return op.name === "Constant";
}

function total(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
}
