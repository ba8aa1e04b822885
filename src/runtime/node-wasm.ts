/** ONNX Runtime's WebAssembly half in Node: needs no native code, and is slower. */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { installCommand } from "./node-native.ts";
import type { Engine } from "./session.ts";

/** The code of the warning, by which Node's `--disable-warning=PERFORMER_WASM` silences it. */
export const WASM_WARNING = "PERFORMER_WASM";

/** Loads the engine. The number of threads is fixed by the first call. */
export async function loadWasmEngine(threads: number): Promise<Engine> {
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = threads;
  return ort;
}

/**
 * Says once, for this thread and those that it starts, that the native engine is missing, what that costs, and how to
 * get it. The ratio is that of `performer bench attention --pass both --lengths 1024 --rounds 25 --no-exact --peers
 * wasm`.
 */
export function warnOfWasm(problem: string): void {
  if (getEnvironmentData(WASM_WARNING) === true) return;
  setEnvironmentData(WASM_WARNING, true);
  process.emitWarning(
    `onnxruntime-node ${problem}, so WebAssembly computes, about 3 times as slow as the native engine; get that ` +
      `with: ${installCommand()}`,
    { code: WASM_WARNING },
  );
}
