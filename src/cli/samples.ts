// Generated proteins, as FASTA and as JSON.

import { proteinVocabulary } from "../data/index.ts";
import { generate } from "../inference/generate.ts";
import type { GenerateOptions } from "../inference/generate.ts";
import { createProgress } from "./output/progress.ts";

const LINE_LENGTH = 60;

export interface Sample {
  readonly id: string;
  readonly prompt: string;
  /** The prompt included. */
  readonly sequence: string;
  /** Tokens added, the end included. */
  readonly tokens: number;
  /** Whether the model ended it. */
  readonly finished: boolean;
  readonly logLikelihoodNats: number;
  /** exp(−logLikelihoodNats / tokens): of what was added, under the model that wrote it. */
  readonly perplexity: number;
}

export type SampleOptions = Omit<GenerateOptions, "vocabulary" | "onToken"> & { readonly maxNewTokens: number };

/** Generates with progress on standard error. */
export async function generateSamples(options: SampleOptions): Promise<readonly Sample[]> {
  const progress = createProgress({ label: "generate", total: options.maxNewTokens * (options.count ?? 1) });
  try {
    const generated = await generate({ ...options, vocabulary: proteinVocabulary, onToken: (n) => progress.update(n) });
    return generated.map(({ prompt, sequence, tokens, finished, logLikelihoodNats }, index) => ({
      id: `performer-${index + 1}`,
      prompt,
      sequence,
      tokens,
      finished,
      logLikelihoodNats,
      perplexity: Math.exp(-logLikelihoodNats / tokens),
    }));
  } finally {
    progress.stop();
  }
}

/** Records with what is known about them in the header; ends with a line break. */
export function formatFasta(samples: readonly Sample[]): string {
  return samples
    .map(({ id, prompt, sequence, finished, perplexity }) => {
      const facts = `prompt=${prompt} finished=${finished ? "yes" : "no"} perplexity=${perplexity.toFixed(2)}`;
      const lines = sequence.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
      return [`>${id} ${facts}`, ...lines].map((line) => `${line}\n`).join("");
    })
    .join("");
}
