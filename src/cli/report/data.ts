// What a run's page shows, as plain data.

/** One point of the curves; a field that was not measured at this step is left out. */
export interface CurvePoint {
  /** Optimizer steps done. */
  readonly step: number;
  /** Mean over the step's batch, in nats per residue. */
  readonly trainLossNats?: number;
  /** Mean over the validation set, in nats per residue. */
  readonly validLossNats?: number;
  readonly learningRate?: number;
}

/** The finished model on one part of the data that it did not see in training. */
export interface SplitEvaluation {
  /** "test", "ood", ...: the heading of its column. */
  readonly split: string;
  /** Residues predicted. */
  readonly tokens: number;
  /** Part of residues whose most probable prediction is right, 0 to 1. */
  readonly accuracy: number;
  /** exp(lossNats). */
  readonly perplexity: number;
  /** Mean negative log-likelihood, in nats per residue. */
  readonly lossNats: number;
  /** The baseline on the same residues: the frequencies of the training set, whatever came before. */
  readonly unigram: { readonly accuracy: number; readonly perplexity: number };
}

export interface GeneratedSample {
  readonly id: string;
  /** The residues that were given; empty when the model began by itself. */
  readonly prompt: string;
  /** All residues as one-letter codes; where they begin with the prompt, that part is underlined. */
  readonly sequence: string;
  /** Of the sequence under the model that wrote it. */
  readonly perplexity?: number;
}

export interface ReportData {
  readonly title: string;
  /** When the page was made, ISO 8601; passed in, so that the same run gives the same page. */
  readonly createdAt: string;
  /** One paragraph: what this run is. */
  readonly summary: string;
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
  /** In the order of steps. Long runs are averaged over windows before they are drawn. */
  readonly metrics: readonly CurvePoint[];
  /** Loss of the unigram baseline on the validation set, in nats per residue: the line that a model must get below. */
  readonly unigramLossNats: number;
  readonly evaluations: readonly SplitEvaluation[];
  readonly samples: readonly GeneratedSample[];
  /** Shown as JSON. */
  readonly config: object;
}
