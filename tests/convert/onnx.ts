/** Exported files, run by the bare engine. */

import * as ort from "onnxruntime-node";

import { characterVocabulary } from "../../src/data/index.ts";
import type { ExportableModel, OnnxExport } from "../../src/convert/index.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { tinyTensors } from "../model/harness.ts";

/** A model of a few hundred weights over seven letters. */
export function tinyModel(config: ModelConfig): ExportableModel {
  const vocabulary = characterVocabulary("abcdefg".slice(0, config.vocabSize - 4));
  return { name: "tiny", config, tensors: tinyTensors(config), vocabulary };
}

/** Runs standard ops on one thread. */
export async function openExport({ files, modelPath }: OnnxExport): Promise<ort.InferenceSession> {
  const bytes = files[modelPath];
  if (!(bytes instanceof Uint8Array)) throw new Error(`${modelPath} holds no bytes`);
  return ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

export function int64(values: ArrayLike<number>, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), shape);
}

/** The output's numbers. */
export function floats(value: ort.OnnxValue | undefined): Float32Array {
  if (!(value instanceof ort.Tensor) || !(value.data instanceof Float32Array)) throw new Error("no float32 output");
  return value.data;
}
