/** The maps of a model on one protein or text, with what its tokens are called. */

import { attentionMaps } from "../../inference/attention-maps.ts";
import type { AttentionOptions } from "./options.ts";
import { asUsage } from "../../runs/usage.ts";
import type { EmbeddingModel } from "../../runs/open-model.ts";
import { labelsOf } from "../../views/attention/labels.ts";
import type { AttentionInput } from "./reading.ts";
import { darkestOf, type AttentionSubject } from "../../views/attention/subject.ts";

/** @throws UsageError for layers and heads that are not there */
export async function observe(
  { config, tensors, backend, vocabulary }: EmbeddingModel,
  { id, reads, words, before, own, after }: AttentionInput,
  { layers, heads }: Pick<AttentionOptions, "layers" | "heads">,
): Promise<AttentionSubject> {
  const attention = await asUsage(() =>
    attentionMaps({
      config,
      tensors,
      backend,
      tokenIds: [...before, ...own, ...after],
      ...(layers && { layers }),
      ...(heads && { heads }),
    }),
  );
  return {
    id,
    reads,
    words,
    attention,
    ...labelsOf({ reads, before, own, after, tokens: vocabulary.tokens }),
    firstToken: before.length,
    count: own.length,
    darkest: darkestOf(attention),
  };
}
