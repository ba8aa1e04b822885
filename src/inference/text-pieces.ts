/** The text of a growing sequence in pieces, none of which changes once it has been given. */
export interface TextPieces {
  /** Adds a token, and gives the text that is now certain: empty while the bytes of a character are not complete. */
  readonly add: (tokenId: number) => string;
  /** The text that is left at the end, such as that of bytes that are no character. */
  readonly end: () => string;
}

const INCOMPLETE = "\uFFFD";

/** @param decode the vocabulary's; the pieces together are what it gives for all tokens at once */
export function createTextPieces(decode: (tokenIds: readonly number[]) => string): TextPieces {
  const tokenIds: number[] = [];
  // Only the tokens of the last piece and those after it are decoded again, so the cost of a token does not grow.
  let windowBegin = 0;
  let given = 0;
  const textTo = (end: number) => decode(tokenIds.slice(windowBegin, end));
  return {
    add: (tokenId) => {
      tokenIds.push(tokenId);
      const before = textTo(given);
      const now = textTo(tokenIds.length);
      if (now.length <= before.length || now.endsWith(INCOMPLETE)) return "";
      windowBegin = given;
      given = tokenIds.length;
      return now.slice(before.length);
    },
    end: () => textTo(tokenIds.length).slice(textTo(given).length),
  };
}
