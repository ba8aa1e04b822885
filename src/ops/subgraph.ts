/**
 * What ops with graphs of their own (Scan, If) have in common: records as lists, and what a body reads from outside.
 */
import { nodesInOrder } from "../graph/graph.ts";
import { currentPath } from "../graph/scope.ts";
import type { Tensor, TensorRecord } from "../graph/tensor.ts";

/** The tensors at the border: read by the body, but not depending on its placeholders. */
export function capturedTensors(placeholders: readonly Tensor[], results: readonly Tensor[]): Tensor[] {
  const own = new Set(placeholders);
  const inside = new Set<Tensor>(placeholders);
  const captured = new Set<Tensor>();
  for (const node of nodesInOrder(results, own)) {
    if (node.inputs.some((tensor) => inside.has(tensor))) {
      node.outputs.forEach((tensor) => inside.add(tensor));
      node.inputs.filter((tensor) => !inside.has(tensor)).forEach((tensor) => captured.add(tensor));
    }
  }
  results.filter((tensor) => !inside.has(tensor)).forEach((tensor) => captured.add(tensor));
  return [...captured];
}

export function namesOf(record: TensorRecord): string[] {
  return Object.keys(record).filter((name) => record[name] !== undefined);
}

export function listed(record: TensorRecord): Tensor[] {
  return Object.values(record).filter((tensor) => tensor !== undefined);
}

/** A list under the names of a record's defined entries. */
export function named<Record_ extends TensorRecord>(like: Record_, tensors: readonly Tensor[]): Record_ {
  return Object.fromEntries(namesOf(like).map((name, index) => [name, tensors[index]])) as Record_; // same names
}

export function set<Value>(map: Map<Tensor, Value>, key: Tensor, value: Value | undefined): void {
  if (value !== undefined) map.set(key, value);
}

export function atPath(): string {
  return currentPath() === "" ? "" : `, at ${currentPath()}`;
}
