// What `performer embed` reads, of the kind that its model reads: proteins or texts.

import { proteinVocabulary } from "../../data/index.ts";
import type { EncodedSequence } from "../../data/index.ts";
import { UsageError } from "../failures.ts";
import { isPipe, readSequences, surveySequences } from "../sequence-input.ts";
import type { SequenceOptions } from "../sequence-input.ts";
import type { EmbedSubject } from "./subject.ts";
import { noTexts, readTexts, truncationNotice } from "./text-input.ts";
import type { TextOptions } from "./text-input.ts";

export interface InputOptions extends SequenceOptions, TextOptions {}

/** What a count is called. */
export interface InputWords {
  readonly record: "sequence" | "text";
  readonly unit: "residues" | "tokens";
}

export interface EmbedInput {
  readonly words: InputWords;
  /**
   * Reads everything once, so that what is wrong with the last record is told before hours of work.
   *
   * @returns how many residues or tokens there are; undefined for pipes, which can be read only once
   */
  readonly survey: () => Promise<number | undefined>;
  /** From its beginning, each time it is called. */
  readonly sequences: () => AsyncIterable<EncodedSequence>;
  /** Texts that were cut, so far; undefined where none can be. */
  readonly truncated: () => number | undefined;
  /** A line about texts that were cut, where it has not been told by the survey. */
  readonly notice: () => string | undefined;
}

/** @throws UsageError for input of the other kind, and where there is none */
export function openInput(subject: EmbedSubject, options: InputOptions, tell: (line: string) => void): EmbedInput {
  refuseOtherKind(subject, options);
  return subject.reads === "text" ? textInput(subject, options, tell) : proteinInput(subject, options, tell);
}

/** Standard input, a named pipe: what can be read only once. */
export async function readsPipe({ fasta, file }: InputOptions): Promise<boolean> {
  return (
    (await isPipe({ ...(fasta !== undefined && { fasta }) })) || isPipe({ ...(file !== undefined && { fasta: file }) })
  );
}

function refuseOtherKind({ name, reads }: EmbedSubject, { sequence, fasta, text, file }: InputOptions): void {
  const given = { sequence, fasta, text, file };
  const own = reads === "text" ? (["text", "file"] as const) : (["sequence", "fasta"] as const);
  const other = reads === "text" ? (["sequence", "fasta"] as const) : (["text", "file"] as const);
  const wrong = other.find((option) => given[option] !== undefined);
  const [one, many] = own;
  if (wrong !== undefined) {
    throw new UsageError(
      `--${wrong} must come with a model of ${reads === "text" ? "proteins" : "text"}, got ${name}, which reads ${reads}; ` +
        `use --${one} or --${many}`,
    );
  }
  // Of proteins the one who reads them says so, with an example.
  if (reads === "text" && given[one] === undefined && given[many] === undefined) {
    throw new UsageError('the texts must be given with --text or --file, got neither; add --text "…" or --file FILE');
  }
}

function proteinInput(subject: EmbedSubject, options: InputOptions, tell: (line: string) => void): EmbedInput {
  const { encode, vocabulary } = subject;
  // A pretrained model has the same letters under other ids.
  const letters = encode === undefined ? vocabulary : proteinVocabulary;
  let isSurveyed = false;
  return {
    words: { record: "sequence", unit: "residues" },
    survey: async () => {
      const survey = await surveySequences(options, letters);
      isSurveyed = survey !== undefined;
      return survey?.residues;
    },
    async *sequences() {
      // Told of on the first reading.
      for await (const each of readSequences(options, letters, isSurveyed ? () => undefined : tell)) {
        yield encode === undefined ? each : encode(each.residues, each.id);
      }
    },
    truncated: () => undefined,
    notice: () => undefined,
  };
}

function textInput(subject: EmbedSubject, options: InputOptions, tell: (line: string) => void): EmbedInput {
  const { vocabulary, longest } = subject;
  const encode =
    subject.encode ??
    ((text: string, id: string) => ({ id, tokenIds: vocabulary.encode(text, { recordId: id }), dropped: 0 }));
  let counts = noTexts();
  let isTold = false;
  return {
    words: { record: "text", unit: "tokens" },
    survey: async () => {
      if (await readsPipe(options)) return undefined;
      counts = noTexts();
      for await (const _ of readTexts(options, encode, counts)) continue;
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
