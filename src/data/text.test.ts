/** Documents, their splits, and the embedded novels. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitNames } from "./datasets.ts";
import { loadEmbeddedText, loadTextFolder, readTexts } from "./files-text.ts";
import { cutText, loadText, type TextSource } from "./text.ts";
import { byteVocabulary } from "./vocabularies/bytes.ts";
import { characterVocabulary } from "./vocabularies/characters.ts";

function source(name: string, content: string | Uint8Array<ArrayBuffer>, split?: TextSource["split"]): TextSource {
  return { name, source: new Blob([content]).stream(), ...(split === undefined ? {} : { split }) };
}

describe("loadText", () => {
  test("gives each document's beginning to train, its end to test, and nothing to two splits", async () => {
    const text = Array.from({ length: 200 }, (_, i) => String.fromCodePoint(0x100 + i)).join("");
    const { name, vocabulary, splits } = await loadText({
      sources: [source("a.txt", text), source("b.txt", "0123456789")],
    });
    expect(name).toBe("a.txt, b.txt");
    expect(vocabulary).toBe(byteVocabulary);
    const decoded = (split: (typeof splitNames)[number]) =>
      splits[split].map(({ id, tokenIds }) => `${id}: ${vocabulary.decode(tokenIds)}`);
    expect(decoded("train")).toEqual([`a.txt: ${text.slice(0, 180)}`, "b.txt: 012345678"]);
    expect(decoded("valid")).toEqual([`a.txt: ${text.slice(180, 190)}`, "b.txt: 9"]);
    // The second document's test share is less than a character.
    expect(decoded("test")).toEqual([`a.txt: ${text.slice(190)}`]);
    expect(splits.ood).toEqual([]);
  });

  test("cuts any text between characters, and loses none", () => {
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "😀", "é")), share, share, (characters, train, valid) => {
        const whole = characters.join("");
        const parts = Object.values(cutText(whole, { train, valid, test: 1 - train - valid }));
        expect(parts.join("")).toBe(whole);
        expect(parts.every((part) => part.isWellFormed())).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("makes the vocabulary from all texts where it is given as a function", async () => {
    const { vocabulary, splits } = await loadText({
      sources: [source("a", "abab"), source("b", "xyz", "test")],
      vocabulary: characterVocabulary,
      splitBy: "hash",
    });
    expect(vocabulary.tokens.slice(4).join("")).toBe("abxyz");
    expect(splits.test.map(({ id }) => id)).toContain("b");
  });

  test("parts whole documents by their names, or as told", async () => {
    const names = Array.from({ length: 400 }, (_, i) => `${i}.txt`);
    const { splits } = await loadText({
      sources: names.map((name) => source(name, "x")),
      splitBy: "hash",
      name: "many",
    });
    // Four standard errors of a share of 90 % and of 5 %: 4·√(p(1 − p)·400).
    expect(Math.abs(splits.train.length - 360)).toBeLessThan(24);
    expect(Math.abs(splits.valid.length - 20)).toBeLessThan(18);
    expect(splits.train.length + splits.valid.length + splits.test.length).toBe(400);
    const told = await loadText({ sources: names.slice(0, 20).map((name) => source(name, "x", "valid")) });
    expect(told.splits.valid).toHaveLength(20);
  });

  test("refuses no documents, empty ones, other encodings and shares that do not add up", async () => {
    await expect(loadText({ sources: [] })).rejects.toThrow("loadText: there must be at least one document");
    await expect(loadText({ sources: [source("a.txt", "")] })).rejects.toThrow("a.txt: a document must hold");
    await expect(loadText({ sources: [source("a.txt", Uint8Array.of(0x47, 0xfc))] })).rejects.toThrow(
      "a.txt: the file must be text in UTF-8, got bytes that are not; convert it to UTF-8",
    );
    await expect(loadText({ sources: [source("a.txt", "\0")] })).rejects.toThrow("a NUL byte");
    const shares = { train: 0.9, valid: 0.2, test: 0.1 };
    await expect(loadText({ sources: [source("a", "b")], shares })).rejects.toThrow("must add up to 1, got train 0.9");
  });
});

describe("the embedded novels", () => {
  test("are whole, in ASCII, and parted without overlap", async () => {
    const { vocabulary, splits } = await loadEmbeddedText({ vocabulary: characterVocabulary });
    const lengths = splitNames.map((name) => splits[name].map(({ tokenIds }) => tokenIds.length));
    expect(lengths).toEqual([[616_291], [34_239], [34_238], []]);
    expect(vocabulary.decode(splits.train[0]?.tokenIds.subarray(0, 19) ?? [])).toBe("PRIDE AND PREJUDICE");
    expect(vocabulary.decode(splits.test[0]?.tokenIds.slice(-9) ?? [])).toBe("ng them.\n");
    const texts = await readTexts();
    expect(texts.map(({ name, text }) => [name, text.length])).toEqual([
      ["prideprejudice", 684_768],
      ["emma", 883_028],
    ]);
  });
});

describe("loadTextFolder", () => {
  test("reads the text files of a folder by name, and says when there is none", async () => {
    const folder = await mkdtemp(join(tmpdir(), "performer-text-"));
    try {
      await expect(loadTextFolder(folder)).rejects.toThrow("must hold at least one file that ends in .txt or .txt.gz");
      for (const name of ["b.txt", "A.TXT", "notes.md"])
        await writeFile(join(folder, name), `${name} ${"x".repeat(40)}`);
      const { splits } = await loadTextFolder(folder);
      expect(splits.train.map(({ id }) => id)).toEqual(["A.TXT", "b.txt"]);
      await expect(loadTextFolder(join(folder, "none"))).rejects.toThrow("which does not exist");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
