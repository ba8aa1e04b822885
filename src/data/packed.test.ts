/** Packing gives what readFasta and the vocabulary give, and refuses each way in which a sequence can be wrong. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gzip, inPieces, utf8 } from "../../tests/data/fasta-sources.ts";
import { readPieces, type ByteSource } from "./bytes.ts";
import { lengthOf, readTokens, splitNames } from "./datasets.ts";
import { DataError } from "./errors.ts";
import { createFastaScanner } from "./fasta-scan.ts";
import { countRecords, createPacker, packedSequence, type PackedRecords } from "./packed.ts";
import { packedDataset } from "./packed-dataset.ts";
import { loadProteins } from "./proteins.ts";
import { byteVocabulary } from "./vocabularies/bytes.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";

async function pack(source: ByteSource | string, name = "test.fasta"): Promise<PackedRecords> {
  const packer = createPacker(name, proteinVocabulary);
  const scanner = createFastaScanner(name, packer);
  const bytes = typeof source === "string" ? inPieces(utf8(source), 7) : source;
  for await (const piece of readPieces(bytes, () => `${name}, line ${scanner.line()}`)) scanner.push(piece);
  scanner.finish();
  return { ...packer.table(), tokens: packer.tokens, headers: packer.headers, vocabulary: proteinVocabulary };
}

function readAll(records: PackedRecords) {
  return Array.from({ length: countRecords(records) }, (_, i) => {
    const { id, tokenIds } = packedSequence(records, i);
    return { id, residues: proteinVocabulary.decode(tokenIds), line: records.lines[i] };
  });
}

describe("packed records", () => {
  test("raise lower case, join lines of any end, and drop blanks and a final stop", async () => {
    const records = await pack("\uFEFF\r\n>sp|P1|A_B first\r\nM k\tV\r\nlla*\r\n\r\n>P2\nACDX");
    expect(readAll(records)).toEqual([
      { id: "sp|P1|A_B", residues: "MKVLLA", line: 2 },
      { id: "P2", residues: "ACDX", line: 6 },
    ]);
  });

  test("are those of readFasta, whatever the records, the widths and the pieces", async () => {
    const recordOf = fc.record({
      id: fc.stringMatching(/^[A-Z0-9|_.]{1,12}$/),
      sequence: fc.stringMatching(/^[ACDEFGHIKLMNPQRSTVWYBOUXZa-ik-z]{1,90}\*?$/),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(recordOf, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 50 }),
        async (records, width, pieceSize) => {
          const text = records
            .flatMap(({ id, sequence }) => [
              `>${id} train -`,
              ...(sequence.match(new RegExp(`.{1,${width}}`, "g")) ?? []),
            ])
            .join("\n");
          const wanted = await loadProteins({ source: new Blob([text]).stream(), name: "a", splitBy: "header" });
          const found = packedDataset(await pack(inPieces(utf8(text), pieceSize)), { name: "a", splitBy: "header" });
          expect(found.splits.train.map(({ id, tokenIds }) => ({ id, tokenIds }))).toEqual(wanted.splits.train);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("hold a protein of 35,000 residues on one line, of which parts can be read", async () => {
    const sequence = Array.from({ length: 35_000 }, (_, i) => "ACDEFGHIKLMNPQRSTVWY"[(i * 7) % 20]).join("");
    const records = await pack(inPieces(utf8(`>titin\n${sequence}\n>P2\nMK\n`), 4096));
    const titin = packedSequence(records, 0);
    expect(lengthOf(titin)).toBe(35_000);
    expect(proteinVocabulary.decode(readTokens(titin, 34_990, 40_000))).toBe(sequence.slice(34_990));
    expect(proteinVocabulary.decode(packedSequence(records, 1).tokenIds)).toBe("MK");
  });

  test.each([
    {
      what: "a gap",
      text: ">P1\nMK\n>P2\nMK\nV-L\n",
      line: 3,
      id: "P2",
      got: '"-" at position 4',
      fix: /this is a gap/,
    },
    { what: "a dot", text: ">P1\nM.\n", line: 1, id: "P1", got: '"." at position 2', fix: /unaligned sequences/ },
    {
      what: "a stop inside",
      text: ">P1\nMK*\nV\n",
      line: 1,
      id: "P1",
      got: '"*" at position 3',
      fix: /a stop, which may stand at the end/,
    },
    { what: "two stops", text: ">P1\nMK**\n", line: 1, id: "P1", got: '"*" at position 3', fix: /a stop/ },
    { what: "J", text: "\n>P1 a b\nMJ\n", line: 2, id: "P1", got: '"J" at position 2', fix: /I or L/ },
    {
      what: "a digit",
      text: ">P1\n10 MK\n",
      line: 1,
      id: "P1",
      got: '"1" at position 1',
      fix: /replace or remove it\.$/,
    },
    {
      what: "a letter of another script",
      text: ">P1\nMé\n",
      line: 1,
      id: "P1",
      got: '"é" at position 2',
      fix: /replace/,
    },
  ])("are refused with file, line, record and remedy: $what", async ({ text, line, id, got, fix }) => {
    const packing = pack(inPieces(utf8(text), 1000));
    await expect(packing).rejects.toThrow(DataError);
    await expect(packing).rejects.toThrow(
      `test.fasta, line ${line}, record ${id}: the letters of a protein sequence must be among ACDEFGHIKLMNPQRSTVWYBOUXZ, got ${got}; `,
    );
    await expect(packing).rejects.toThrow(fix);
  });

  test.each([">P1\n>P2\nMKV\n", ">P1\n*\n>P2\nMKV\n", ">P1 only a header"])(
    "are refused without residues: %j",
    async (text) => {
      await expect(pack(text)).rejects.toThrow(
        'test.fasta, line 1: a record must carry at least one residue, got the header ">P1"',
      );
    },
  );

  test("are refused when gzip data end early", async () => {
    const bytes = await gzip(utf8(">P1\nMKVLLA\n>P2\nACD\n"));
    await expect(pack(inPieces(bytes.subarray(0, bytes.length - 9), 5), "cut.fasta.gz")).rejects.toThrow(
      /^cut\.fasta\.gz, line \d+: gzip data must be complete and intact, got .* fetch it again/,
    );
  });

  test("must be of letters", () => {
    expect(() => createPacker("a.fasta", byteVocabulary)).toThrow(
      "packed sequences must be of an alphabet of at most 252 tokens, got the vocabulary byte of 260 tokens",
    );
  });
});

describe("packedDataset", () => {
  const text = ">sp|P1|A_B x\nMKV\n>sp|P2|C_D x\nMKVL\n>tr|P1|E_F x\nMKVLL\n>P1 x\nMKVLLA\n>P2 x\nM\n";

  test("leaves out what is too short or too long, and counts it", async () => {
    const dataset = packedDataset(await pack(text), { name: "a.fasta", splitBy: "hash", minLength: 3, maxLength: 5 });
    const lengths = splitNames.flatMap((split) => dataset.splits[split].map(lengthOf));
    expect(lengths.toSorted((a, b) => a - b)).toEqual([3, 4, 5]);
    expect(dataset.leftOut).toEqual({ short: 1, long: 1 });
  });

  test("refuses limits that leave nothing", async () => {
    const records = await pack(text);
    expect(() => packedDataset(records, { name: "a.fasta", splitBy: "hash", minLength: 100 })).toThrow(
      "a.fasta: there must be at least one sequence of 100 to Infinity residues (data.minLength, data.maxLength), got 5 shorter and 0 longer ones; widen",
    );
  });

  test("keeps records of one accession, and tells how many and the first", async () => {
    const dataset = packedDataset(await pack(text), { name: "a.fasta", splitBy: "hash" });
    expect(dataset.duplicates).toEqual({ count: 3, first: "P1" });
    expect(splitNames.flatMap((split) => dataset.splits[split])).toHaveLength(5);
    const single = packedDataset(await pack(">P1\nMK\n>P2\nMK\n"), { name: "a.fasta", splitBy: "hash" });
    expect(single.duplicates).toBeUndefined();
  });
});
