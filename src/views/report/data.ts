/** What a run's page shows, as plain data. */

import type { Words } from "../../runs/data/words.ts";
import type { SplitFigures } from "../../runs/evaluation.ts";

/** One point of the curves; a field that was not measured at this step is left out. */
export interface CurvePoint {
  /** Optimizer steps done. */
  readonly step: number;
  /** Mean over the step's batch, in nats per prediction; of numbers the squared error. */
  readonly trainLossNats?: number;
  /** The same over the validation set. */
  readonly validLossNats?: number;
  readonly learningRate?: number;
}

export interface GeneratedSample {
  readonly id: string;
  /** What was given; empty when the model began by itself. */
  readonly prompt: string;
  /** The whole text; where it begins with the prompt, that part is underlined. Of proteins one-letter codes. */
  readonly sequence: string;
  /** The sequence's perplexity under the model that wrote it. */
  readonly perplexity?: number;
  /** The bytes of a PNG file, in place of the text. */
  readonly image?: Uint8Array | undefined;
}

/** What a model must get below. */
export interface LossBaseline {
  /** "unigram". */
  readonly name: string;
  /** In words, for the legend: "residue frequencies only". */
  readonly meaning: string;
  /** On the validation set, in the unit of the curves. */
  readonly loss: number;
}

export interface ReportData {
  readonly title: string;
  /** When the page was made, ISO 8601; passed in, so that the same run gives the same page. */
  readonly createdAt: string;
  /** One paragraph: what this run is. */
  readonly summary: string;
  /** How predictions and samples are called. */
  readonly words: Words;
  readonly model: {
    /** Numbers that are trained. */
    readonly parameters: number;
    /** In words: layers, width, attention. */
    readonly description: string;
  };
  readonly training: {
    readonly steps: number;
    readonly tokensSeen: number;
    readonly elapsedSeconds: number;
    readonly tokensPerSecond: number;
  };
  /** The axis of the curves: "Loss (nats per residue)". */
  readonly lossTitle: string;
  /** In the order of steps. Long runs are averaged over windows before they are drawn. */
  readonly metrics: readonly CurvePoint[];
  readonly baseline: LossBaseline | undefined;
  readonly evaluations: readonly SplitFigures[];
  readonly samples: readonly GeneratedSample[];
  /** Letters are those of amino acids, and are coloured. */
  readonly areProteins: boolean;
  /** Shown as JSON. */
  readonly config: object;
}
