/** Vocabularies from the descriptions that are saved with runs. */
import * as z from "zod";
import { DataError } from "../errors.ts";
import { letterVocabulary } from "./letters.ts";
import { byteVocabulary } from "./bytes.ts";
import { characterVocabulary } from "./characters.ts";
import { imageVocabulary, pixelVocabulary } from "./pixels.ts";
import { tokenizerVocabulary } from "./tokenizer.ts";
import { wordVocabulary } from "./words.ts";
import type { Vocabulary, VocabularyDescription } from "../vocabulary.ts";

const size = z.int().positive();

const described = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("letters"),
    name: z.string(),
    letters: z.string(),
    tags: z.array(z.string()).optional(),
  }),
  z.strictObject({ kind: z.literal("bytes") }),
  z.strictObject({ kind: z.literal("characters"), characters: z.string() }),
  z.strictObject({ kind: z.literal("words"), name: z.string(), words: z.array(z.string()) }),
  z.strictObject({
    kind: z.literal("pixels"),
    width: size.optional(),
    height: size.optional(),
    channels: z.union([z.literal(1), z.literal(3)]).optional(),
  }),
  z.strictObject({
    kind: z.literal("tokenizer"),
    name: z.string(),
    json: z.looseObject({}),
    config: z.looseObject({}).optional(),
  }),
]);

/** The kinds of vocabulary. */
export const vocabularyKinds: readonly VocabularyDescription["kind"][] = [
  "letters",
  "bytes",
  "characters",
  "words",
  "pixels",
  "tokenizer",
];

/**
 * The vocabulary of a description: `vocabularyFrom(JSON.parse(JSON.stringify(vocabulary)))` has the tokens and ids of
 * `vocabulary`.
 *
 * @param description a VocabularyDescription, or foreign JSON that claims to be one
 * @throws DataError when it describes no vocabulary
 */
export function vocabularyFrom(description: unknown): Vocabulary {
  const { data, error } = described.safeParse(description);
  if (error !== undefined) {
    throw new DataError({
      who: "vocabularyFrom",
      rule: `a description must have a kind (${vocabularyKinds.join(", ")}) and the fields of that kind`,
      got: z.prettifyError(error).replaceAll("\n", " "),
      fix: "pass what JSON.stringify(vocabulary) wrote",
    });
  }
  switch (data.kind) {
    case "letters": {
      const { tags, ...rest } = data;
      return letterVocabulary(tags === undefined ? rest : { ...rest, tags });
    }
    case "bytes":
      return byteVocabulary;
    case "characters":
      return characterVocabulary(data.characters);
    case "words":
      return wordVocabulary(data);
    case "pixels": {
      const { width, height, channels } = data;
      if (width === undefined || height === undefined || channels === undefined) return pixelVocabulary;
      return imageVocabulary({ width, height, channels });
    }
    case "tokenizer": {
      const { config, ...rest } = data;
      return tokenizerVocabulary(config === undefined ? rest : { ...rest, config });
    }
  }
}
