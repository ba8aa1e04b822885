/** Where a task computes. */

import type { Device } from "../runtime/index.ts";

/** What Node can compute on. */
export const devices = ["cpu", "webgpu", "wasm", "reference"] as const satisfies readonly Device[];

/** Where and with how many threads the engine computes. */
export interface EngineOptions {
  /** Default: cpu; wasm where onnxruntime-node is missing. */
  readonly device?: (typeof devices)[number];
  /** Default: all cores. */
  readonly threads?: number;
}
