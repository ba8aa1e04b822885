/** Conditioning tags as tokens: which names there may be, and the id of a name. */
import { nearestName } from "../../graph/nearest-name.ts";
import { DataError, quoted } from "../errors.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The token of a tag, `<globin>` of "globin". */
export function tokenOfTag(name: string): string {
  return `<${name}>`;
}

/**
 * Refuses names that could not be told apart, or not be written in a line.
 *
 * @param others tokens that are no tags
 * @throws DataError on the first name that repeats, is empty, has control characters or angle brackets, or is that of
 *   another token
 */
export function checkTags(who: string, names: readonly string[], others: readonly string[]): void {
  const taken = new Set(others);
  for (const [index, name] of names.entries()) {
    const token = tokenOfTag(name);
    if (name.trim() === "" || /[\p{Cc}<>]/u.test(name) || taken.has(token)) {
      throw new DataError({
        who,
        rule: `tags must be distinct, not empty, without control characters, < and >, and none of ${others.join(" ")}`,
        got: `${quoted(name)} at position ${index + 1}`,
        fix: "rename it, or leave it out",
      });
    }
    taken.add(token);
  }
}

/** The ids of all tags, the last of the vocabulary. */
export function tagIds({ size, tags = [] }: Pick<Vocabulary, "size" | "tags">): readonly number[] {
  return tags.map((_, index) => size - tags.length + index);
}

/**
 * The id of a tag by its name.
 *
 * @param who asks, for the message
 * @throws DataError when the vocabulary has no such tag, with the nearest one
 */
export function tagId(vocabulary: Pick<Vocabulary, "size" | "tags">, name: string, who: string): number {
  const { tags = [] } = vocabulary;
  const id = tagIds(vocabulary)[tags.indexOf(name)];
  if (id !== undefined) return id;
  if (tags.length === 0) {
    throw new DataError({
      who,
      rule: "a model must have been trained with tags to follow one",
      got: `${quoted(name)} for a model without any`,
      fix: "leave the tag out, or train a model with --set data.tags=family",
    });
  }
  const near = nearestName(name, tags);
  throw new DataError({
    who,
    rule: `a tag must be one of the ${tags.length} of the model`,
    got: quoted(name),
    fix: `${near === undefined ? "" : `did you mean ${quoted(near)}? `}config.json of the model lists all of them`,
  });
}
