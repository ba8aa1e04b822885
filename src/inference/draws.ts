/** Tokens as they are drawn, by generators that free what they hold however they end. */
import { createTextPieces } from "./text-pieces.ts";

/** A token that was drawn. */
export interface DrawnToken {
  /** The number of its sequence, from 0. */
  readonly row: number;
  readonly tokenId: number;
  /** Whether its sequence ends with it. */
  readonly isLast: boolean;
  /** log p of the token under the model, in nats. */
  readonly logProbabilityNats: number;
}

/** Yields the tokens of each step, and returns the finished sequences. */
export type Drawing<Sequence> = AsyncGenerator<readonly DrawnToken[], readonly Sequence[]>;

/** A token of a stream. */
export interface StreamedToken extends Omit<DrawnToken, "row" | "isLast"> {
  /**
   * The text that has become certain with it; empty for the end token, and while the bytes of a character are not
   * complete.
   */
  readonly text: string;
}

/**
 * Decides after each token whether a sequence ends.
 *
 * @param tokenIds the sequence so far: begin token or tag, prompt, and new tokens
 * @param logits those that the last token was drawn from, one for each token of the vocabulary
 */
export type StoppingRule = (tokenIds: readonly number[], logits: Float32Array) => boolean;

/** Draws to the end. */
export async function drawAll<Sequence>(
  drawing: Drawing<Sequence>,
  onTokens?: (tokens: number) => void,
): Promise<readonly Sequence[]> {
  try {
    for (let total = 0; ;) {
      const { done, value } = await drawing.next();
      if (done === true) return value;
      total += value.length;
      onTokens?.(total);
    }
  } finally {
    await drawing.return([]);
  }
}

/**
 * One sequence token by token, with its text.
 *
 * @param vocabulary of the tokens
 * @returns the finished sequence
 */
export async function* streamDrawn<Sequence>(
  drawing: Drawing<Sequence>,
  vocabulary: { readonly eosId: number; readonly decode: (tokenIds: readonly number[]) => string },
): AsyncGenerator<StreamedToken, Sequence | undefined> {
  const pieces = createTextPieces(vocabulary.decode);
  try {
    for (;;) {
      const { done, value } = await drawing.next();
      if (done === true) return value[0];
      for (const { tokenId, logProbabilityNats, isLast } of value) {
        const text = tokenId === vocabulary.eosId ? "" : pieces.add(tokenId);
        yield { tokenId, text: isLast ? text + pieces.end() : text, logProbabilityNats };
      }
    }
  } finally {
    await drawing.return([]);
  }
}
