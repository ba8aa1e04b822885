/**
 * The maps of a second model on the same tokens, such as the one that a model was converted from, and how far each head
 * is from its own.
 */

import { problem } from "../../graph/errors.ts";
import { isDeepStrictEqual } from "node:util";

import type { AttentionOptions } from "./options.ts";
import type { OnEvent } from "../../runs/events.ts";
import { UsageError } from "../../runs/usage.ts";
import { openModel, embeddingModelOf } from "../../runs/open-model.ts";
import { labelsOf } from "../../views/attention/labels.ts";
import { observe } from "./observe.ts";
import { firstTokens, readWhole, requireReadable, roomFor, titlesOf, type ReadableModel } from "./reading.ts";
import type { Beside } from "../../views/attention/beside-figure.ts";
import type { AttentionSubject } from "../../views/attention/subject.ts";

/**
 * @param path of the second model
 * @param first the other model, and what it sees
 * @throws UsageError for a model of other tokens, of other layers and heads, or with fewer positions
 */
export async function observeBeside(
  path: string,
  first: ReadableModel & { readonly seen: AttentionSubject },
  options: AttentionOptions,
  onEvent?: OnEvent,
): Promise<Beside> {
  const { seen } = first;
  const opened = await openModel(path, options, onEvent);
  const model = requireReadable(opened, embeddingModelOf(opened), options);
  const refuse = (rule: string, got: string, fix = "give the one that it was converted from"): never => {
    throw new UsageError(problem`--beside: the second model must have ${rule}, got ${got}, ${path}; ${fix}`);
  };
  if (model.reads !== seen.reads) refuse(`${seen.reads} to read`, `one that reads ${model.reads}`);
  const input = firstTokens(await readWhole(model, options), seen.count);
  const { labels } = labelsOf({ ...input, tokens: model.subject.vocabulary.tokens });
  if (!isDeepStrictEqual(labels, seen.labels)) refuse("the tokens of the first", "those of another tokenizer");
  const { room, reason } = roomFor(input, model.subject);
  if (room < seen.count) {
    refuse(
      `room for the ${seen.count} ${seen.words.units} that are shown`,
      `room for ${room} with ${reason}`,
      `show fewer with --length ${room}`,
    );
  }
  if (!hasHeadsOf(first, model, options)) {
    const sizesOf = ({ subject: { config } }: ReadableModel) => `${config.numLayers} × ${config.numHeads}`;
    refuse(
      `as many layers × heads as the first, ${sizesOf(first)}`,
      `${sizesOf(model)} (--layers and --heads choose the same of both)`,
    );
  }
  const { maps } = (await observe(model.subject, input, options)).attention;
  const differences = seen.attention.maps.map(({ weights }, index) =>
    differenceOf(weights, maps[index]?.weights ?? new Float32Array(weights.length), seen.attention.length),
  );
  const [firstTitle, title] = titlesOf(first.opened, opened);
  return { firstTitle, title, maps, differences };
}

/** Whether the layers and heads that are shown of the first model are there in the second, and none beside them. */
function hasHeadsOf(
  { subject: { config: first } }: ReadableModel,
  { subject: { config: second } }: ReadableModel,
  { layers, heads }: Pick<AttentionOptions, "layers" | "heads">,
): boolean {
  const agree = (chosen: readonly number[] | undefined, own: number, other: number) =>
    chosen === undefined ? own === other : chosen.every((each) => each < other);
  return agree(layers, first.numLayers, second.numLayers) && agree(heads, first.numHeads, second.numHeads);
}

/**
 * The share of the attention that goes elsewhere: ½ Σ_k |a_qk − b_qk|, mean over all queries q, special tokens among
 * them. 0 for equal maps, 1 where no query gives anything to a key that it gives something to in the other; rows that
 * do not sum to 1 may differ by more.
 */
export function differenceOf(a: Float32Array, b: Float32Array, length: number): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += Math.abs((a[index] ?? 0) - (b[index] ?? 0));
  return sum / 2 / length;
}
