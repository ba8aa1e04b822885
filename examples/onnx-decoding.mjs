// Greedy text from an exported decoder by the bare engine: nothing of this package runs, and a page would do the same.
//
//   performer export runs/demo --out demo-onnx
//   node examples/onnx-decoding.mjs demo-onnx MKV 20

import { readFile } from "node:fs/promises";
import { Tokenizer } from "@huggingface/tokenizers";
import * as ort from "onnxruntime-web";
const [folder = "demo-onnx", prompt = "MKV", count = "20"] = process.argv.slice(2);
/** @param {string} name */
const json = async (name) => JSON.parse(await readFile(`${folder}/${name}`, "utf8"));
const { performer, vocab_size, bos_token_id, eos_token_id } = await json("config.json");
const tokenizer = new Tokenizer(await json("tokenizer.json"), await json("tokenizer_config.json"));
const session = await ort.InferenceSession.create(await readFile(`${folder}/onnx/decoder_model.onnx`));

// A state begins with one number throughout.
let past = Object.fromEntries(
  performer.states.map((/** @type {any} */ { past: name, dtype, shape: [, ...axes], initial }) => {
    const size = axes.reduce((/** @type {number} */ product, /** @type {number} */ length) => product * length, 1);
    const data = dtype === "int64" ? new BigInt64Array(size) : new Float32Array(size).fill(initial);
    return [name, new ort.Tensor(dtype, data, [1, ...axes])];
  }),
);

/** Reads tokens. @param {number[]} ids @returns {Promise<number>} the most probable next one */
async function read(ids) {
  const input = new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
  const results = await session.run({ input_ids: input, ...past });
  past = Object.fromEntries(performer.states.map((/** @type {any} */ each) => [each.past, results[each.present]]));
  const all = /** @type {Float32Array} */ (results["logits"]?.data);
  const last = all.subarray(-vocab_size);
  return last.indexOf(Math.max(...last));
}
const ids = [bos_token_id, ...tokenizer.encode(prompt, { add_special_tokens: false }).ids];
let next = eos_token_id;
// In one run where the file takes it (--linear-attention), else token by token.
for (const part of performer.tokensPerRun === "any" ? [ids] : ids.map((id) => [id])) next = await read(part);
const written = [];
for (; written.length < Number(count) && next !== eos_token_id; next = await read([next])) written.push(next);
console.log(`${prompt} → ${written.join(" ")}`);
