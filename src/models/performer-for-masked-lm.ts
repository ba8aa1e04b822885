/** The ready masked language model: an encoder that predicts hidden tokens from both sides. */
import { problem } from "../graph/errors.ts";
import { refuseUnknownKeys, requireList, requireText, written } from "./check-examples.ts";
import { DataError, planMaskedEvaluation, planMaskedTraining } from "../data/index.ts";
import { predictSequences, scoreSequences, type ScoringMethod, type SequenceScore } from "../inference/index.ts";
import { ConfigError } from "../model/index.ts";
import { softmax } from "../statistics/index.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { PerformerModel, type BatchPlan, type SequenceInput } from "./performer-model.ts";

/** Names as in transformers.js, where it has them. */
export interface FillMaskOptions {
  /**
   * Most probable tokens of each hidden position. Default 5, as in transformers.js; all of the vocabulary where it has
   * fewer.
   */
  readonly top_k?: number;
  /** Positions of tokens to be hidden, from 0, beside those that the sequence itself hides. Default none. */
  readonly positions?: readonly number[];
}

/** How sequences are scored. */
export interface MaskedScoreOptions {
  /**
   * Default `masked`: the pseudo-log-likelihood, each token hidden in turn, as many passes as there are tokens.
   * `one-pass` shows every token, the scored one too: quick, and too good by what that gives away.
   */
  readonly method?: ScoringMethod;
}

/** One way to fill a hidden position. */
export interface FilledToken {
  /** Its probability, among the ordinary tokens of the vocabulary. */
  readonly score: number;
  /** The token's id. */
  readonly token: number;
  readonly token_str: string;
}

export interface FilledPosition {
  /** The token's position in its sequence, from 0. */
  readonly position: number;
  /** The candidates, most probable first. */
  readonly tokens: readonly FilledToken[];
}

/**
 * An encoder trained to predict hidden tokens, as BERT; examples are sequences.
 *
 * `train` and `evaluate` choose 15 % of a sequence's ordinary tokens, one at least: 80 % of these are replaced by the
 * mask, 10 % by a random token, 10 % stay, and all of them are to be told. Training chooses anew every time, `evaluate`
 * always the same ones, which the model's seed decides; its accuracy is the share of them that the most probable token
 * is right about. `fill_mask` hides the tokens that you say.
 *
 * @example
 * const model = PerformerForMaskedLM.create({ modelDim: 128, numLayers: 2, seed: 7 });
 * await model.train(["MKVLAT…", …], { steps: 200 });
 * const { accuracy } = await model.evaluate(["MKVLAT…"]);
 * const [{ position, tokens }] = await model.fill_mask("MK<mask>LAT", { top_k: 3 });
 */
export class PerformerForMaskedLM extends PerformerModel<SequenceInput> {
  static readonly architectureName = "PerformerForMaskedLM";
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForMaskedLM;

  protected trainingBatches(sequences: readonly SequenceInput[], plan: BatchPlan, seed: number) {
    return planMaskedTraining({ ...plan, sequences: this.encode(sequences), seed });
  }

  protected evaluationBatches(sequences: readonly SequenceInput[], plan: BatchPlan, seed: number) {
    return planMaskedEvaluation({ ...plan, sequences: this.encode(sequences), seed });
  }

  /**
   * What may stand at the hidden positions of a sequence, all of them hidden at once.
   *
   * @param sequence hides a token where the mask of the vocabulary stands, `<mask>` in the vocabularies of this
   *   package: `vocabulary.tokens[vocabulary.maskId]`
   * @returns for each hidden position, in order, its most probable ordinary tokens
   * @throws DataError where nothing is hidden, for positions outside the sequence, sequences of more than maxSeqLen − 2
   *   tokens, and parts outside the vocabulary; ConfigError for options out of range
   */
  async fill_mask(sequence: string, options: FillMaskOptions = {}): Promise<readonly FilledPosition[]> {
    const { config, tensors, backend, dtype, vocabulary } = this;
    refuseUnknownKeys("fill_mask", options, ["top_k", "positions"] satisfies (keyof FillMaskOptions)[]);
    const { top_k = 5, positions = [] } = options;
    if (!Number.isInteger(top_k) || top_k < 1) {
      throw new ConfigError(
        problem`fill_mask: top_k must be a positive whole number, got ${written(top_k)}; leave it out for 5`,
      );
    }
    const tokenIds = this.#hidden(sequence, positions);
    const wrapped = [vocabulary.bosId, ...tokenIds, vocabulary.eosId];
    const [rows = []] = await predictSequences({ config, tensors, backend, dtype, sequences: [wrapped] });
    const places = [...tokenIds.keys()].filter((at) => tokenIds[at] === vocabulary.maskId);
    // <bos> stands before the first token.
    return places.map((position) => ({ position, tokens: this.#likeliest(rows[position + 1], top_k) }));
  }

  /**
   * How well the tokens of sequences fit the others: log p of each given all others, and their sum, the
   * pseudo-log-likelihood, in nats.
   *
   * Source: Salazar et al., arXiv:1910.14659.
   *
   * @returns in the order given; `id` says which one: `sequence 1`, …
   * @throws DataError for parts outside the vocabulary and sequences of nothing; ConfigError for an unknown method, and
   *   for sequences that are longer than learned positions
   *
   * @example
   * const [{ logLikelihoodNats, perTokenNats }] = await model.score(["MKVLAT"]);
   */
  async score(sequences: readonly string[], options: MaskedScoreOptions = {}): Promise<SequenceScore[]> {
    const { config, tensors, vocabulary, backend, dtype } = this;
    refuseUnknownKeys("score", options, ["method"] satisfies (keyof MaskedScoreOptions)[]);
    const encoded = this.encode(sequences, "score");
    const scores: SequenceScore[] = [];
    const all = scoreSequences({ ...options, config, tensors, vocabulary, backend, dtype, sequences: encoded });
    for await (const each of all) scores.push(each);
    return scores;
  }

  /** The tokens of a sequence, the mask in place of hidden ones. */
  #hidden(sequence: string, positions: readonly number[]): readonly number[] {
    const who = "fill_mask";
    requireText(who, "the sequence", sequence);
    requireList(who, "positions", positions, "[2, 5]");
    const { maskId, tokens } = this.vocabulary;
    const mask = tokens[maskId] ?? "";
    const tokenIds = this.#aroundMasks(sequence, mask);
    const longest = this.longest - 2;
    const refuse = (rule: string, got: string, fix: string): never => {
      throw new DataError({ who, rule, got, fix });
    };
    if (tokenIds.length > longest) {
      refuse(
        `the sequence must have at most maxSeqLen − 2 = ${longest} tokens`,
        String(tokenIds.length),
        "give the part around the mask",
      );
    }
    for (const position of positions) {
      if (!Number.isInteger(position) || position < 0 || position >= tokenIds.length) {
        refuse(
          `positions must be whole numbers from 0 to ${tokenIds.length - 1}, those of the sequence's tokens`,
          written(position),
          "count from 0",
        );
      }
      tokenIds[position] = maskId;
    }
    if (!tokenIds.includes(maskId)) {
      refuse("the sequence must hide a token", written(sequence), `write ${mask} in its place, or give positions`);
    }
    return tokenIds;
  }

  /** Tokens of a sequence that holds masks. */
  #aroundMasks(sequence: string, mask: string): number[] {
    const { maskId } = this.vocabulary;
    const parts = sequence.split(mask);
    if (this.vocabulary.toJSON().kind === "tokenizer") {
      // A tokenizer that knows its mask reads what stands beside it as it was trained to, such as the blank in front of
      // it.
      const whole = this.tokensOf(sequence, "the sequence");
      if (whole.filter((id) => id === maskId).length === parts.length - 1) return [...whole];
      if (this.isPretrained) {
        throw new DataError({
          who: "fill_mask",
          rule: "the model's tokenizer must read each mask of the text as its own token",
          got: written(sequence),
          fix: "hide tokens with positions instead",
        });
      }
    }
    return parts.flatMap((part, index) => [
      ...(index === 0 ? [] : [maskId]),
      ...(part === "" ? [] : this.tokensOf(part, "the sequence")),
    ]);
  }

  #likeliest(logits: Float32Array = new Float32Array(0), count: number): readonly FilledToken[] {
    const { tokens, isResidue } = this.vocabulary;
    const ordinary = [...logits.keys()].filter((id) => isResidue(id));
    const logitOf = (id: number) => logits[id] ?? Number.NEGATIVE_INFINITY;
    const sorted = ordinary.toSorted((a, b) => logitOf(b) - logitOf(a));
    const scores = softmax(sorted.map(logitOf));
    return sorted.slice(0, count).map((token, place) => ({
      score: scores[place] ?? 0,
      token,
      token_str: tokens[token] ?? "",
    }));
  }
}
