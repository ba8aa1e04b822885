/** Text as it was asked for: embedded, a file or a folder; and the vocabulary that `--tokenizer` names. */

import { basename, dirname, join } from "node:path";

import { ConfigError, problem } from "../../graph/errors.ts";
import {
  byteVocabulary,
  characterVocabulary,
  loadEmbeddedText,
  loadText,
  loadTextFolder,
  openFile,
  proteinVocabulary,
  tokenizerVocabulary,
  type SequenceDataset,
  type TextOptions,
  type Vocabulary,
} from "../../data/index.ts";
import { readTextOrExplain } from "../../storage/files.ts";
import { parseJson } from "../../storage/json.ts";
import { fileType, vocabularyNames, type DataSource } from "./source.ts";

/** A vocabulary, or how it is made from all texts. */
export type VocabularyChoice = Vocabulary | ((texts: readonly string[]) => Vocabulary);

/** @param known the vocabulary of a trained model, in place of the one that the source names */
export async function loadTextSource(source: DataSource, known?: Vocabulary): Promise<SequenceDataset> {
  const { path, splitBy } = source;
  const options: TextOptions = {
    vocabulary: known ?? (await chooseVocabulary(source)),
    // The other rules are of proteins, which dataSource refuses for text.
    ...((splitBy === "contiguous" || splitBy === "hash") && { splitBy }),
  };
  if (path === undefined) return loadEmbeddedText(options);
  const name = basename(path);
  if ((await fileType(path)) === "folder") return loadTextFolder(path, { ...options, name });
  return loadText({ ...options, sources: [{ name, source: openFile(path) }] });
}

/**
 * The vocabulary of text or of a table's sequences.
 *
 * @throws ConfigError when the tokenizer is neither a name nor a file; DataError when the file holds no tokenizer
 */
export async function chooseVocabulary({ kind, tokenizer = "bytes" }: DataSource): Promise<VocabularyChoice> {
  if (tokenizer === "bytes") return byteVocabulary;
  if (tokenizer === "characters") return characterVocabulary;
  if (tokenizer === "protein" && kind === "table") return proteinVocabulary;
  const type = await fileType(tokenizer);
  if (type === undefined && tokenizer === "protein") {
    throw new ConfigError(
      problem`the tokenizer (--tokenizer) protein must come with a table (.csv, .tsv, .jsonl, .parquet), got ${kind};
      write proteins into a table or a FASTA file (--fasta), or take characters`,
    );
  }
  if (type === undefined) {
    const names = vocabularyNames.filter((name) => kind === "table" || name !== "protein");
    throw new ConfigError(
      problem`the tokenizer must be ${names.join(", ")} or the path of a tokenizer.json, got '${tokenizer}', which does
      not exist; check the path`,
    );
  }
  const file = type === "folder" ? join(tokenizer, "tokenizer.json") : tokenizer;
  const json = await readJsonObject(file);
  const configFile = join(dirname(file), "tokenizer_config.json");
  const config = (await fileType(configFile)) === "file" ? await readJsonObject(configFile) : undefined;
  return tokenizerVocabulary({ json, name: basename(dirname(file)), ...(config !== undefined && { config }) });
}

async function readJsonObject(path: string): Promise<object> {
  const value: unknown = parseJson(await readTextOrExplain(path, "the tokenizer"), path);
  if (typeof value === "object" && value !== null) return value;
  throw new ConfigError(
    problem`${path}: a tokenizer must be a JSON object, got ${JSON.stringify(value)}; check the path`,
  );
}
