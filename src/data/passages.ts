/** The parts of a text that stand for themselves: paragraphs and sentences. */

/**
 * Paragraphs: what stands between blank lines, lines joined by a space; in a text without blank lines every line.
 *
 * @returns none of them empty
 */
export function paragraphsOf(text: string): readonly string[] {
  const lines = text.trim().replaceAll(/\r\n?/g, "\n");
  const parts = lines.split(/\n[^\S\n]*\n/);
  return (parts.length > 1 ? parts : lines.split("\n"))
    .map((part) => part.replaceAll(/\s+/g, " ").trim())
    .filter((part) => part !== "");
}

/**
 * Sentences by their punctuation alone: what follows ".", "!" or "?" (closing quotes included) and a space is another
 * one, so "Mr. Bennet" is cut too.
 *
 * @param paragraph on one line
 */
export function sentencesOf(paragraph: string): readonly string[] {
  return paragraph.split(/(?<=[.!?]["”’]?) /).filter((sentence) => sentence.trim() !== "");
}

/** Shorter paragraphs and sentences are headings and interjections ("Mr.", "Yes."). */
export const FEWEST_CHARACTERS = 20;

/**
 * First sentences and what follows them: who knows what texts are about finds the one by the other.
 *
 * @param paragraphs those whose first sentence, or what follows it, is shorter than `fewestCharacters` are left out
 */
export function sentencePairs(
  paragraphs: readonly string[],
  fewestCharacters = FEWEST_CHARACTERS,
): readonly { readonly query: string; readonly document: string }[] {
  return paragraphs.flatMap((paragraph) => {
    const [query = "", ...rest] = sentencesOf(paragraph);
    const document = rest.join(" ");
    return query.length < fewestCharacters || document.length < fewestCharacters ? [] : [{ query, document }];
  });
}

/** At most so many, at equal distances, in their order. */
export function evenlyChosen<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return all.filter(
    (_, index) => Math.floor((index * most) / all.length) !== Math.floor(((index - 1) * most) / all.length),
  );
}
