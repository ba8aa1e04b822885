/** Document-pair retrieval: do two passages come from the same document? */
import { characterBoundary, cutText } from "../text.ts";
import { requirePositiveInteger } from "../../graph/arguments.ts";
import { DataError } from "../errors.ts";
import { byteVocabulary } from "../vocabularies/bytes.ts";
import { generateBalanced, type GeneratorOptions } from "./balanced.ts";
import type { Random } from "../../random/index.ts";
import type { LabelledDataset } from "../labelled/types.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The parts of a pair. */
export interface RetrievalOptions extends GeneratorOptions {
  /** At least two, each long enough for two passages in every split. */
  readonly documents: readonly { readonly name: string; readonly text: string }[];
  /** Characters of a passage. Default 1,000; the paper's were 4,000 bytes. */
  readonly passageLength?: number;
  /** Default `byteVocabulary`. */
  readonly vocabulary?: Vocabulary;
}

/** Each document's beginning serves train, then valid, its end test: no passage of one split holds text of another. */
const shares = { train: 0.8, valid: 0.1, test: 0.1 };

/**
 * Generates pairs of passages, `first <eos> second` in ids: two classes, 0 "different" and 1 "same", as many of each.
 *
 * The first passage begins anywhere in a uniformly chosen document. Same: the second is another one of that document
 * that does not overlap it. Different: it begins anywhere in one of the other documents. In the manner of the paper's
 * retrieval of papers that cite each other, whose data are not generated.
 *
 * Source: the task of Long Range Arena, arXiv:2011.04006, section 2.2.3.
 *
 * @throws DataError with fewer than two documents, and with documents too short for the passages
 */
export function generateRetrieval(options: RetrievalOptions): LabelledDataset {
  const who = "generateRetrieval";
  const { documents, passageLength = 1000, vocabulary = byteVocabulary } = options;
  requirePositiveInteger(who, "passageLength", passageLength, "pass a number such as 1000", DataError);
  if (documents.length < 2) {
    throw new DataError({
      who,
      rule: "there must be at least two documents",
      got: String(documents.length),
      fix: "pass several texts, for example novels of one author",
    });
  }
  const parts = documents.map(({ name, text }) => {
    const part = cutText(text, shares);
    for (const [split, piece] of Object.entries(part)) {
      // Two disjoint passages, wherever the first one begins, and their boundaries.
      const needed = 3 * passageLength + 3;
      if (piece.length >= needed) continue;
      throw new DataError({
        who: `${who}, ${name}`,
        rule: `the document's part for ${split} must have at least ${needed} characters`,
        got: String(piece.length),
        fix: "pass longer documents or a smaller passageLength",
      });
    }
    return part;
  });

  /** The passage from a place on; characters outside the basic plane stay whole. */
  function passage(text: string, start: number): Int32Array {
    const from = characterBoundary(text, start);
    return vocabulary.encode(text.slice(from, characterBoundary(text, start + passageLength)));
  }

  /** A start at least a passage away from another one. */
  function drawDisjoint(random: Random, numStarts: number, other: number): number {
    while (true) {
      const start = random.integer(numStarts);
      // One more than the length: a boundary may move a passage's end by one.
      if (Math.abs(start - other) > passageLength) return start;
    }
  }

  return generateBalanced({
    name: "retrieval",
    vocabulary,
    classNames: ["different", "same"],
    generator: options,
    draw(random, open, split) {
      const label = open[random.integer(open.length)] ?? 0;
      const firstDocument = random.integer(documents.length);
      const other = (firstDocument + 1 + random.integer(documents.length - 1)) % documents.length;
      const firstText = parts[firstDocument]?.[split] ?? "";
      const secondText = parts[label === 1 ? firstDocument : other]?.[split] ?? "";
      const firstStart = random.integer(firstText.length - passageLength);
      const numStarts = secondText.length - passageLength;
      const secondStart = label === 1 ? drawDisjoint(random, numStarts, firstStart) : random.integer(numStarts);
      const first = passage(firstText, firstStart);
      const second = passage(secondText, secondStart);
      const tokenIds = new Int32Array(first.length + 1 + second.length);
      tokenIds.set(first);
      tokenIds[first.length] = vocabulary.eosId;
      tokenIds.set(second, first.length + 1);
      return { tokenIds, label };
    },
  });
}
