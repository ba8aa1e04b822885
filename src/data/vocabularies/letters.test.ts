/** Ids and letters, there and back, and the message for a letter that does not belong. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { letterVocabulary, proteinVocabulary } from "./letters.ts";

const letters = "ACDEFGHIKLMNPQRSTVWYBOUXZ";

describe("proteinVocabulary", () => {
  test("numbers the specials, the 20 standard letters, then B O U X Z", () => {
    expect(proteinVocabulary.tokens).toEqual(["<pad>", "<bos>", "<eos>", "<mask>", ...Array.from(letters)]);
    expect(proteinVocabulary).toMatchObject({ size: 29, padId: 0, bosId: 1, eosId: 2, maskId: 3 });
    expect([...proteinVocabulary.encode("ACZ")]).toEqual([4, 5, 28]);
    expect(proteinVocabulary.decode([1, 4, 5, 3, 2, 0])).toBe("<bos>AC<mask><eos><pad>");
  });

  test("decodes what it encoded", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Array.from(letters))), (sequence) => {
        const ids = proteinVocabulary.encode(sequence.join(""));
        expect(proteinVocabulary.decode(ids)).toBe(sequence.join(""));
        expect(ids.every((id) => proteinVocabulary.isResidue(id))).toBe(true);
      }),
    );
  });

  test("counts neither specials nor ids out of range among the residues", () => {
    expect([-1, 0, 1, 2, 3, 4, 28, 29].filter((id) => proteinVocabulary.isResidue(id))).toEqual([4, 28]);
  });

  test("names file, line, record, position, character and alphabet when it refuses", () => {
    const where = { recordId: "P1", fileName: "human.fasta", line: 12 };
    expect(() => proteinVocabulary.encode("MKJV", where)).toThrow(
      `human.fasta, line 12, record P1: the letters of a protein sequence must be among ${letters}, got "J" at position 3; replace or remove it; for text take another vocabulary: bytes, characters or a tokenizer.`,
    );
    expect(() => proteinVocabulary.encode("MK*")).toThrow(
      "protein vocabulary: the letters of a protein sequence must be",
    );
    expect(() => proteinVocabulary.encode("M😀")).toThrow('got "😀" at position 2');
    expect(() => proteinVocabulary.encode("Mk", { recordId: "P1" })).toThrow(
      /^record P1: .*write it in upper case; for text take another vocabulary: bytes, characters or a tokenizer\.$/,
    );
  });

  test.each([-1, 29, 1.5])("does not decode %d", (id) => {
    expect(() => proteinVocabulary.decode([4, id])).toThrow(`ids must be integers from 0 to 28, got ${id}`);
  });
});

test("letterVocabulary makes other alphabets and refuses letters that repeat or are not ASCII", () => {
  const dna = letterVocabulary({ name: "DNA", letters: "ACGTN" });
  expect(dna.decode(dna.encode("GATTACA"))).toBe("GATTACA");
  expect(dna.size).toBe(9);
  expect(() => letterVocabulary({ name: "DNA", letters: "ACGTA" })).toThrow('got "A" at position 5');
  expect(() => letterVocabulary({ name: "DNA", letters: "Aé" })).toThrow("letters must be distinct ASCII characters");
});
