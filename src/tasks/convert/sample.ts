/**
 * What a conversion is measured on: the texts or proteins that the command line names, or some that come with the
 * package.
 */

import { problem } from "../../graph/errors.ts";
import { embeddedProteinsUrl, openFile, readFasta, readTexts, type EncodedSequence } from "../../data/index.ts";
import { evenlyChosen, sentencesOf } from "../../data/passages.ts";
import { longestSequence } from "../../model/positions.ts";
import { openInput, type InputOptions, type InputWords } from "../input/input.ts";
import { UsageError } from "../../runs/usage.ts";
import { notice, type OnEvent } from "../../runs/events.ts";
import type { EmbeddingModel } from "../../runs/open-model.ts";

/** Enough texts to know their mean cosine to about 0.02. */
export const SAMPLE_SIZE = 32;
/** The 32 longest of these hold a thousand tokens or more, enough to estimate covariances. */
const CALIBRATION_SIZE = 64;
/** Proteins longer than this would take most of the time. */
const LONGEST_PROTEIN = 400;

export interface Sample {
  readonly sequences: readonly EncodedSequence[];
  /** What each is called. */
  readonly record: InputWords["record"];
  /** Whose they are, for people. */
  readonly origin: string;
}

/**
 * @returns undefined where nothing is named and nothing in the package is of the model's kind (pixels, words)
 * @throws UsageError and DataError as `openInput` and who reads
 */
export async function readSample(
  subject: EmbeddingModel,
  options: InputOptions,
  onEvent?: OnEvent,
): Promise<Sample | undefined> {
  const { sequence, fasta, text, file, image, images } = options;
  const isNamed = [sequence, fasta, text, file, image, images].some((each) => each !== undefined);
  if (!isNamed && !hasOwnKind(subject)) return undefined;
  const given = isNamed ? options : await packaged(subject, SAMPLE_SIZE);
  const input = openInput(subject, given, (line) => notice(onEvent, line));
  const sequences: EncodedSequence[] = [];
  for await (const each of input.sequences()) sequences.push(each);
  // With the special tokens of runs.
  const room = longestSequence(subject.config).length - 2;
  const fitting = isNamed || subject.encode ? sequences : sequences.filter(({ tokenIds }) => tokenIds.length <= room);
  const { record } = input.words;
  const origin = isNamed
    ? "given"
    : `of the embedded ${subject.reads === "text" ? "novel" : "proteins"}, as none were given`;
  return { sequences: fitting, record, origin };
}

/** What is no text is taken for proteins by its subject, and need not be any. */
function hasOwnKind({ reads, vocabulary, encode }: EmbeddingModel): boolean {
  if (reads === "images") return false;
  return reads === "text" || encode !== undefined || vocabulary.toJSON().kind === "letters";
}

/**
 * What queries and keys are calibrated on: a file, a folder of images, or others of the package than conversions are
 * measured on.
 *
 * @returns token ids, with the special tokens that the model reads
 */
export async function readCalibration(
  subject: EmbeddingModel,
  file: string | undefined,
  onEvent?: OnEvent,
  standardInput?: InputOptions["standardInput"],
): Promise<readonly ArrayLike<number>[]> {
  if (file === undefined && subject.reads === "images") {
    throw new UsageError(
      problem`--calibrate must come with a folder of images for a model of images; add --calibrate FOLDER`,
    );
  }
  const options =
    file === undefined
      ? await packaged(subject, CALIBRATION_SIZE, 1 / 2)
      : {
          [subject.reads === "text" ? "file" : subject.reads === "images" ? "images" : "fasta"]: file,
          ...(standardInput && { standardInput }),
        };
  const found: ArrayLike<number>[] = [];
  const input = openInput(subject, options, (line) => notice(onEvent, line));
  for await (const { tokenIds } of input.sequences()) found.push(readByModel(subject, tokenIds));
  return found;
}

/** With the token in front that runs and models of proteins read first. */
export function readByModel({ wrap, vocabulary }: EmbeddingModel, tokenIds: ArrayLike<number>): ArrayLike<number> {
  return wrap === "bare" ? tokenIds : [vocabulary.bosId, ...Array.from(tokenIds)];
}

/** @param offset as a share of the distance between two */
async function packaged({ reads }: EmbeddingModel, count: number, offset = 0): Promise<InputOptions> {
  return reads === "text"
    ? { text: await novelSentences(count, offset) }
    : { sequence: await someProteins(count, offset) };
}

/** So many sentences of the embedded novel, from all over it, of any length. */
export async function novelSentences(count: number, offset = 0): Promise<readonly string[]> {
  const [novel] = await readTexts();
  const all = sentencesOf((novel?.text ?? "").replaceAll(/\s+/g, " ")).filter((sentence) => sentence.length > 2);
  return evenly(all, count, offset);
}

async function someProteins(count: number, offset: number): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { sequence } of readFasta(openFile(embeddedProteinsUrl), { name: "the embedded proteins" })) {
    if (sequence.length <= LONGEST_PROTEIN) all.push(sequence);
  }
  return evenly(all, count, offset);
}

/** @param offset as a share of the distance between two */
function evenly(all: readonly string[], count: number, offset: number): readonly string[] {
  const step = Math.floor(all.length / count);
  const first = Math.floor(offset * step);
  return evenlyChosen(all.slice(first, first + count * step), count);
}
