/** What a model is given to read, of the kind that it reads: proteins, texts or images. */

import { problem, type Problem } from "../../graph/errors.ts";
import { proteinVocabulary, type EncodedSequence } from "../../data/index.ts";
import { UsageError } from "../../runs/usage.ts";
import { isPipe, readSequences, surveySequences, type SequenceOptions } from "./sequence-input.ts";
import type { ReadUnit } from "../../runs/events.ts";
import { unitsIn } from "../../model/patches.ts";
import { readImages, type ImageOptions } from "./image-input.ts";
import type { EmbeddingModel } from "../../runs/open-model.ts";
import { noTexts, readTexts, truncationNotice, type TextOptions } from "./text-input.ts";

export interface InputOptions extends SequenceOptions, TextOptions, ImageOptions {}

/** What a count is called. */
export interface InputWords {
  readonly record: "sequence" | "text" | "image";
  readonly unit: ReadUnit;
}

export interface EmbedInput {
  readonly words: InputWords;
  /**
   * Reads everything once, so that what is wrong with the last record is told before hours of work.
   *
   * @returns how many units there are; undefined for pipes, which can be read only once
   * @throws the signal's reason once it is aborted
   */
  readonly survey: (signal?: AbortSignal) => Promise<number | undefined>;
  /** From its beginning, each time it is called. */
  readonly sequences: () => AsyncIterable<EncodedSequence>;
  /** Texts that were cut, so far; undefined where none can be. */
  readonly truncated: () => number | undefined;
  /** A line about texts that were cut, where it has not been told by the survey. */
  readonly notice: () => string | undefined;
}

/** @throws UsageError for input of the other kind, and where there is none */
export function openInput(subject: EmbeddingModel, options: InputOptions, tell: (line: string) => void): EmbedInput {
  refuseOtherKind(subject, options);
  return inputs[subject.reads](subject, options, tell);
}

/** Standard input, a named pipe: what can be read only once. */
export async function readsPipe({ fasta, file }: InputOptions): Promise<boolean> {
  return (
    (await isPipe({ ...(fasta !== undefined && { fasta }) })) || isPipe({ ...(file !== undefined && { fasta: file }) })
  );
}

type Tell = (line: string) => void;

const inputs = { text: textInput, proteins: proteinInput, images: imageInput } as const satisfies Record<
  EmbeddingModel["reads"],
  (subject: EmbeddingModel, options: InputOptions, tell: Tell) => EmbedInput
>;

/**
 * The options of each kind of input, and where none of them is given what the refusal says. Proteins' reader says so
 * itself.
 */
const kinds = {
  proteins: { own: ["sequence", "fasta"], missing: undefined },
  text: {
    own: ["text", "file"],
    missing: problem`the texts must be given with --text or --file, got neither; add --text "…" or --file FILE`,
  },
  images: {
    own: ["image", "images"],
    missing: problem`the images must be given with --image or --images, got neither; add --image FILE or --images FOLDER`,
  },
} as const satisfies Record<
  EmbeddingModel["reads"],
  { readonly own: readonly (keyof InputOptions)[]; readonly missing: Problem | undefined }
>;

const kindNames = Object.keys(kinds) as readonly EmbeddingModel["reads"][]; // its own keys

function refuseOtherKind({ name, reads }: EmbeddingModel, options: InputOptions): void {
  const { own, missing } = kinds[reads];
  for (const kind of kindNames) {
    const wrong = kind === reads ? undefined : kinds[kind].own.find((option) => options[option] !== undefined);
    if (wrong === undefined) continue;
    throw new UsageError(
      problem`--${wrong} must come with a model of ${kind}, got ${name}, which reads ${reads}; use
      ${own.map((each) => `--${each}`).join(" or ")}`,
    );
  }
  if (missing !== undefined && own.every((option) => options[option] === undefined)) throw new UsageError(missing);
}

function imageInput(subject: EmbeddingModel, options: InputOptions): EmbedInput {
  const { config, encodeImage, name } = subject;
  if (encodeImage === undefined)
    throw new UsageError(problem`${name}: the model must be one of images of one shape; use another`);
  const sequences = () => readImages(options, encodeImage);
  return {
    words: { record: "image", unit: config.patches ? "patches" : "intensities" },
    survey: async (signal) => {
      let units = 0;
      for await (const { tokenIds } of sequences()) {
        signal?.throwIfAborted();
        units += unitsIn(config, tokenIds.length);
      }
      return units;
    },
    sequences,
    truncated: () => undefined,
    notice: () => undefined,
  };
}

function proteinInput(subject: EmbeddingModel, options: InputOptions, tell: (line: string) => void): EmbedInput {
  const { encode, vocabulary } = subject;
  // A pretrained model has the same letters under other ids.
  const letters = encode === undefined ? vocabulary : proteinVocabulary;
  let isSurveyed = false;
  return {
    words: { record: "sequence", unit: "residues" },
    survey: async (signal) => {
      const survey = await surveySequences(options, letters, tell, signal);
      isSurveyed = survey !== undefined;
      return survey?.residues;
    },
    async *sequences() {
      // The first reading has reported it.
      for await (const each of readSequences(options, letters, isSurveyed ? () => undefined : tell)) {
        yield encode === undefined ? each : encode(each.residues, each.id);
      }
    },
    truncated: () => undefined,
    notice: () => undefined,
  };
}

function textInput(subject: EmbeddingModel, options: InputOptions, tell: (line: string) => void): EmbedInput {
  const { vocabulary, longest } = subject;
  const encode =
    subject.encode ??
    ((text: string, id: string) => ({ id, tokenIds: vocabulary.encode(text, { recordId: id }), dropped: 0 }));
  let counts = noTexts();
  let isTold = false;
  return {
    words: { record: "text", unit: "tokens" },
    survey: async (signal) => {
      if (await readsPipe(options)) return undefined;
      counts = noTexts();
      for await (const _ of readTexts(options, encode, counts)) signal?.throwIfAborted();
      const notice = truncationNotice(counts, longest);
      if (notice !== undefined) tell(notice);
      isTold = true;
      return counts.tokens;
    },
    sequences: () => {
      counts = noTexts();
      return readTexts(options, encode, counts);
    },
    truncated: () => counts.truncated,
    notice: () => (isTold ? undefined : truncationNotice(counts, longest)),
  };
}
