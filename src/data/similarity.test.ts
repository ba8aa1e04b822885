/** What clusters join: copies always, near copies practically always, strangers never; and what they do not find. */
import { describe, expect, test } from "vitest";
import { createRandom } from "../random/index.ts";
import { clusterSimilar } from "./similarity.ts";
import { proteinVocabulary, standardResidues as LETTERS } from "./vocabularies/letters.ts";

function draw(seed: string, length: number): string {
  const random = createRandom(seed);
  return Array.from({ length }, () => LETTERS[random.integer(LETTERS.length)]).join("");
}

/** Replaces this share of the residues, each by another one at random. */
function mutate(sequence: string, share: number, seed: string): string {
  const random = createRandom(seed);
  const changed = new Set<number>();
  while (changed.size < Math.round(share * sequence.length)) changed.add(random.integer(sequence.length));
  return Array.from(sequence, (letter, i) => {
    if (!changed.has(i)) return letter;
    const others = LETTERS.replace(letter, "");
    return others[random.integer(others.length)];
  }).join("");
}

function cluster(sequences: readonly string[]): number[] {
  const encoded = sequences.map((sequence) => proteinVocabulary.encode(sequence));
  const tokensOf = (index: number) => encoded[index] ?? new Int32Array();
  return [...clusterSimilar({ count: encoded.length, tokensOf }, proteinVocabulary)];
}

describe("clusterSimilar", () => {
  test("joins copies of any length, shorter than a word and of unknown residues alone too", () => {
    expect(cluster(["MK", "XXXXXXXXXX", draw("a", 97), "MK", "XXXXXXXXXX", draw("a", 97), "MKV", "XXXX"])).toEqual([
      0, 1, 2, 0, 1, 2, 6, 7,
    ]);
  });

  test("joins near copies: substitutions in a tenth, an insertion, a lost end", () => {
    const originals = Array.from({ length: 40 }, (_, i) => draw(`protein ${i}`, 150 + 13 * i));
    const relatives = originals.flatMap((sequence, i) => [
      mutate(sequence, 0.1, `mutation ${i}`),
      `${sequence.slice(0, 71)}GSGSG${sequence.slice(71)}`,
      sequence.slice(0, Math.round(0.9 * sequence.length)),
    ]);
    const clusters = cluster([...originals, ...relatives]);
    // P(a relative is missed) is below 10⁻⁴ each, of 120.
    const missed = relatives.filter((_, i) => clusters[originals.length + i] !== clusters[Math.floor(i / 3)]);
    expect(missed).toHaveLength(0);
    expect(new Set(clusters).size).toBe(originals.length);
  });

  test("takes substitutions inside a group of the reduced alphabet for none", () => {
    const sequence = draw("conserved", 211);
    const conserved = sequence.replaceAll("I", "V").replaceAll("D", "E").replaceAll("R", "K").replaceAll("F", "Y");
    expect(cluster([sequence, conserved])).toEqual([0, 0]);
  });

  test("does not join strangers", () => {
    const strangers = Array.from({ length: 97 }, (_, i) => draw(`stranger ${i}`, 40 + 11 * i));
    expect(new Set(cluster(strangers)).size).toBe(97);
  });

  test("does not find a fragment in a long protein: its limit", () => {
    const whole = draw("whole", 2003);
    expect(cluster([whole, whole.slice(400, 460)])).toEqual([0, 1]);
  });

  test("joins chains", () => {
    const first = draw("chain", 307);
    const second = mutate(first, 0.08, "second");
    const third = mutate(second, 0.08, "third");
    expect(cluster([third, first, second])).toEqual([0, 0, 0]);
  });
});
