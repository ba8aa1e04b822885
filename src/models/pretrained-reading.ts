/**
 * How a ready class reads texts with a pretrained model: by the model's own tokenizer, between its own special tokens.
 */
import { problem } from "../graph/errors.ts";
import { readCompanions, type Companions } from "../convert/saved-model.ts";
import type { PretrainedModel } from "../convert/index.ts";
import type { Vocabulary } from "../data/index.ts";
import { ConfigError, type ModelConfig } from "../model/index.ts";
import { isPooled } from "../model/output.ts";
import type { FileSource } from "../storage/file-source.ts";

/** How a class reads with a pretrained model, beyond its configuration, weights and vocabulary. */
export interface PretrainedReading extends Pick<
  PretrainedModel,
  "name" | "reads" | "encode" | "pooling" | "normalize" | "longest"
> {
  /** Goes with it when it is saved. */
  readonly companions: Companions;
}

/** @param source where the model was loaded from */
export async function readingOf(model: PretrainedModel, source: FileSource): Promise<PretrainedReading> {
  // Without the weights, which would stay in memory beside those that training makes of them.
  const { name, reads, encode, pooling, normalize, longest } = model;
  return { name, reads, encode, pooling, normalize, longest, companions: await readCompanions(model, source) };
}

/** A text's tokens without the special ones around them, however long. */
export function ownTokens({ encode }: Pick<PretrainedModel, "encode">, text: string, id: string): Int32Array {
  const { tokenIds, specials: [before, after] = [0, 0] } = encode(text, id, Number.POSITIVE_INFINITY);
  return tokenIds.subarray(before, tokenIds.length - after);
}

/** @throws ConfigError for models of images */
export function requireTexts(who: string, { name, reads }: Pick<PretrainedModel, "name" | "reads">): void {
  if (reads !== "images") return;
  throw new ConfigError(
    problem`from_pretrained: ${who} must have a model of texts or proteins, got ${name}, which reads images; use
    loadPretrained and embedImages`,
  );
}

/**
 * The model's vocabulary, whose begin and end are what its tokenizer puts around every text.
 *
 * @param config with the head that the class has
 * @throws ConfigError for models that the class would read otherwise than they were trained
 */
export function vocabularyAround(who: string, model: PretrainedModel, config: ModelConfig): Vocabulary {
  const { name, reads, vocabulary } = model;
  const refuse = (rule: string, got: string, fix: string): never => {
    throw new ConfigError(problem`from_pretrained: ${who} must have ${rule}, got ${name}, ${got}; ${fix}`);
  };
  const around = reads === "text" && config.architecture === "encoder" ? specialsOf(model) : vocabulary;
  if (around === undefined) {
    return refuse(
      "a tokenizer that puts one special token in front of a text and one behind it",
      "whose tokenizer puts others there",
      "use loadPretrained and embedTexts",
    );
  }
  const { padId, maskId, bosId, eosId } = around;
  if (visiblePadding(config) && (padId === bosId || padId === eosId)) {
    refuse(
      "a tokenizer with a token for padding alone",
      "whose padding would be its begin or end",
      "use an encoder, as of model_type bert",
    );
  }
  if (config.architecture === "encoder" && config.head === "language-modeling" && maskId === eosId) {
    refuse("a tokenizer with a mask", "whose tokenizer has none", "use loadPretrained and embedTexts");
  }
  return around;
}

/** Whether what is no padding is told from the tokens themselves. */
function visiblePadding(config: ModelConfig): boolean {
  return config.architecture === "encoder" || isPooled(config);
}

function specialsOf({ vocabulary, encode }: PretrainedModel): Vocabulary | undefined {
  const { tokenIds, specials: [before, after] = [0, 0] } = encode("");
  const [bosId, eosId] = [tokenIds.at(0), tokenIds.at(-1)];
  if (before !== 1 || after !== 1 || bosId === undefined || eosId === undefined) return undefined;
  return { ...vocabulary, bosId, eosId };
}
