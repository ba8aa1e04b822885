/** The graphs that read a prompt in large parts, from state to state. */
import { formFor } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { logitsOfPart, nextStateOutputs, stateInputs } from "../model/parts.ts";
import { positionInputs } from "../model/positions.ts";
import { input } from "../ops/source.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { createLazily, type Lazy } from "./lazy.ts";
import { constantModel } from "./step-graph.ts";

/**
 * Tokens of a prompt that are read in one go, most first. Multiples of the window, so that nothing waits behind a part.
 */
const CHUNK_LENGTHS = [512, 64] as const;

/** Graphs by the length of the part, longest first; empty where the device has no loops. */
export type ChunkGraphs = ReadonlyMap<number, Lazy<Executable>>;

/** @param stored compiles with the weights as they are to be stored */
export function createChunkGraphs(config: ModelConfig, tensors: Named<NdArray>, stored: Backend): ChunkGraphs {
  const outputs = (length: number) => {
    const ids = input("tokenIds", [1, length], "int32");
    const states = stateInputs(config, 1);
    const part = logitsOfPart(constantModel(config, tensors), ids, positionInputs(config, length), states);
    return { logits: part.logits, ...nextStateOutputs(part.states) };
  };
  const lengths = formFor(stored.device) !== "parallel" ? CHUNK_LENGTHS : [];
  return new Map(lengths.map((length) => [length, createLazily(() => stored.compile({ outputs: outputs(length) }))]));
}
