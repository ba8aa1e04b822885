/**
 * The same graph on the engine's WebAssembly half: what this package falls back on where the native engine is missing.
 */

import { createBackend, defaultDevice } from "#engine";
import { createPrepare } from "../contender.ts";
import { favorContender } from "../favor.ts";
import { PEER_BUDGET_MS, type LoadPeer } from "./peer.ts";

export const loadWasm: LoadPeer = async ({ threads }) => {
  if (defaultDevice() === "wasm") return { reason: "everything runs on wasm, for lack of onnxruntime-node" };
  const backend = createBackend({ device: "wasm", threads });
  return {
    contenders: async (each, owned) => {
      const contender = await favorContender(createPrepare(backend, owned), "favor", each);
      await contender.run();
      return [{ ...contender, name: "favor on wasm", budgetMs: PEER_BUDGET_MS }];
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
};
