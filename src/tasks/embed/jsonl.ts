/** Embeddings as JSON, one sequence a line: {"id": "P00974", "embedding": [0.1, …]}. */

import type { SequenceEmbedding } from "../../inference/embed.ts";
import type { EmbeddingFormat, EmbeddingPlan } from "./embedding-format.ts";
import { jsonNumbers } from "./numbers.ts";

const NOTHING = new Uint8Array(0);

export const jsonlFormat: EmbeddingFormat = {
  suffixes: [""],
  begin: () => [NOTHING],
  block: async (embeddings, plan) => {
    const text = embeddings.map((each) => `${embeddingJson(each, plan)}\n`).join("");
    return { parts: [new TextEncoder().encode(text)] };
  },
  end: async () => ({ tail: NOTHING }),
};

/** One sequence as a JSON object; with a vector a residue, a list of lists. */
export function embeddingJson(
  { id, embedding }: SequenceEmbedding,
  { modelDim, pooling, precision }: Pick<EmbeddingPlan, "modelDim" | "pooling" | "precision">,
): string {
  const row = (at: number) => jsonNumbers(embedding.data.subarray(at * modelDim, (at + 1) * modelDim), precision);
  const rows = Array.from({ length: embedding.data.length / modelDim }, (_, at) => row(at));
  return `{"id":${JSON.stringify(id)},"embedding":${pooling === "residues" ? `[${rows.join(",")}]` : rows.join("")}}`;
}
