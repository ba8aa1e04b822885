/**
 * What a page must have before anything else can work: isolation, shared memory, and an engine that computes in
 * threads.
 */

import * as ort from "onnxruntime-web";

export async function pageFacts() {
  return {
    crossOriginIsolated,
    hasSharedArrayBuffer: typeof SharedArrayBuffer !== "undefined",
    engineVersion: ort.env.versions.web,
  };
}

/** Runs a one-node model on the wasm backend. */
export async function runModel({ model, x, numThreads }: { model: number[]; x: number[]; numThreads: number }) {
  ort.env.wasm.numThreads = numThreads;
  const session = await ort.InferenceSession.create(Uint8Array.from(model), { executionProviders: ["wasm"] });
  const { y } = await session.run({ x: new ort.Tensor("float32", x, [x.length]) });
  if (!(y?.data instanceof Float32Array)) throw new Error(`runModel: the output y must be float32, got ${y?.type}`);
  return { y: [...y.data], numThreads: ort.env.wasm.numThreads };
}

export async function fail({ message }: { message: string }) {
  throw new Error(message);
}
