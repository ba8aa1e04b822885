/** A short name for a model's weights and configuration, to tell whose states an array holds. */
import { isRecord } from "../graph/arguments.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";

/** 16 hexadecimal digits. Not cryptographic: it tells models apart, it does not guard against forgery. */
export function fingerprint(config: ModelConfig, tensors: Named<NdArray>): string {
  const text = JSON.stringify(config, (_, value: unknown) => (isRecord(value) ? sorted(value) : value));
  const hash = { a: 0x811c9dc5, b: 0x9e3779b9 };
  // FNV-1a over words, and the same with another prime.
  const mix = (word: number) => {
    hash.a = Math.imul(hash.a ^ word, 0x01000193);
    hash.b = Math.imul(hash.b ^ word, 0x85ebca6b) ^ (hash.b >>> 15);
  };
  for (let index = 0; index < text.length; index++) mix(text.charCodeAt(index));
  for (const name of Object.keys(tensors).toSorted()) {
    for (let index = 0; index < name.length; index++) mix(name.charCodeAt(index));
    const data = tensors[name]?.data ?? new Float32Array(0);
    // Copied, because words must start at a multiple of four bytes.
    new Uint32Array(Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).buffer).forEach(mix);
  }
  return [hash.a, hash.b].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The same, with its keys in their order: a configuration is the same in whichever order its file names them. */
function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
