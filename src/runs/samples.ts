/** What a model writes: proteins as FASTA, text as text, images as PNG files. */

import { join } from "node:path";

import { encodePngImage, imageShapeOf, toImage, type Vocabulary } from "../data/index.ts";
import { generate, streamTokens, type GeneratedSequence, type GenerateOptions } from "../inference/generate.ts";
import { createFolder, writeFileAtomically } from "../storage/files.ts";
import type { NearestSequence } from "./novelty.ts";
import { ignoreEvent, reportProgress, type OnEvent } from "./events.ts";

const LINE_LENGTH = 60;

export interface Sample {
  readonly id: string;
  readonly prompt: string;
  /** The conditioning tag, where one was asked for. */
  readonly tag?: string;
  /** The prompt included. */
  readonly sequence: string;
  /** Tokens added, the end included. */
  readonly tokens: number;
  /** Whether the model ended it. */
  readonly finished: boolean;
  readonly logLikelihoodNats: number;
  /** exp(−logLikelihoodNats / tokens): of what was added, under the model that wrote it. */
  readonly perplexity: number;
  readonly seed: number;
  readonly temperature: number;
  /** Where new sequences were asked for: the known one that shares most k-mers. */
  readonly nearest?: NearestSequence;
}

export type SampleOptions = Omit<GenerateOptions, "onToken"> & {
  readonly maxNewTokens: number;
  readonly onEvent?: OnEvent | undefined;
  /** Reports the text of the one sequence as it comes, in place of progress. Default false. */
  readonly isStreamed?: boolean;
};

/** Generates, and reports progress in tokens, or the text. */
export async function generateSamples({
  onEvent = ignoreEvent,
  isStreamed = false,
  ...options
}: SampleOptions): Promise<readonly Sample[]> {
  const generated = isStreamed ? await generateStreamed(options, onEvent) : await generateCounted(options, onEvent);
  const { seed = 0, temperature = 1, tag } = options;
  return generated.map(({ prompt, sequence, tokens, finished, logLikelihoodNats }, index) => ({
    id: `performer-${index + 1}`,
    prompt,
    ...(tag !== undefined && { tag }),
    sequence,
    tokens,
    finished,
    logLikelihoodNats,
    perplexity: Math.exp(-logLikelihoodNats / tokens),
    seed,
    temperature,
  }));
}

async function generateStreamed(options: GenerateOptions, onEvent: OnEvent): Promise<readonly GeneratedSequence[]> {
  const stream = streamTokens(options);
  onEvent({ type: "text", text: options.prompt ?? "" });
  for (;;) {
    const { done, value } = await stream.next();
    if (done === true) return value === undefined ? [] : [value];
    if (value.text !== "") onEvent({ type: "text", text: value.text });
  }
}

async function generateCounted(options: SampleOptions, onEvent: OnEvent): Promise<readonly GeneratedSequence[]> {
  const progress = reportProgress(onEvent, {
    label: "generate",
    unit: "tokens",
    total: options.maxNewTokens * (options.count ?? 1),
  });
  try {
    const total = options.maxNewTokens * (options.count ?? 1);
    // Where some are dropped, more are drawn than were asked for.
    return await generate({ ...options, onToken: (n) => progress.update(Math.min(n, total)) });
  } finally {
    progress.stop();
  }
}

/** Records with what is known about them in the header; ends with a line break. */
function formatFasta(samples: readonly Sample[]): string {
  return samples
    .map(({ id, prompt, tag, sequence, finished, perplexity, logLikelihoodNats, seed, temperature, nearest }) => {
      const facts = [
        ...(tag === undefined ? [] : [`tag=${/[\s"\\]/.test(tag) ? JSON.stringify(tag) : tag}`]),
        `prompt=${prompt} seed=${seed} temperature=${temperature} finished=${finished ? "yes" : "no"}`,
        `log-likelihood=${logLikelihoodNats.toFixed(2)} perplexity=${perplexity.toFixed(2)}`,
        ...(nearest === undefined ? [] : [`nearest=${nearest.id} 3-mer-jaccard=${nearest.kmerJaccard.toFixed(3)}`]),
      ].join(" ");
      const lines = sequence.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
      return [`>${id} ${facts}`, ...lines].map((line) => `${line}\n`).join("");
    })
    .join("");
}

/** A single text as it is, several with their names between; ends with a line break. */
function formatTexts(samples: readonly Sample[]): string {
  const [only, another] = samples;
  if (only !== undefined && another === undefined) return `${only.sequence}\n`;
  return samples
    .map(({ id, sequence, perplexity }) => `──── ${id} (perplexity ${perplexity.toFixed(2)})\n${sequence}\n`)
    .join("\n");
}

/** FASTA for residues, text for all other tokens. */
export function formatSamples(samples: readonly Sample[], vocabulary: Vocabulary): string {
  return isProtein(vocabulary) ? formatFasta(samples) : formatTexts(samples);
}

export function isProtein(vocabulary: Vocabulary): boolean {
  return vocabulary.toJSON().kind === "letters";
}

/** The bytes of a PNG file; undefined for what is no image. */
export function imageOf({ sequence }: Pick<Sample, "sequence">, vocabulary: Vocabulary): Uint8Array | undefined {
  const shape = imageShapeOf(vocabulary);
  return shape && encodePngImage(toImage(vocabulary.encode(sequence), shape));
}

/**
 * Writes images as files of a folder, which is made when it is not there; files of the same names are replaced.
 *
 * @returns the samples with their files
 */
export async function writeImages(
  folder: string,
  samples: readonly Sample[],
  vocabulary: Vocabulary,
): Promise<readonly (Sample & { readonly file: string })[]> {
  await createFolder(folder);
  const written: (Sample & { readonly file: string })[] = [];
  for (const sample of samples) {
    const file = join(folder, `${sample.id}.png`);
    const image = imageOf(sample, vocabulary);
    if (image !== undefined) await writeFileAtomically(file, image);
    written.push({ ...sample, file });
  }
  return written;
}
