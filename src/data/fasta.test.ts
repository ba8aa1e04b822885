/** FASTA in every legal dress, and each way in which a file can be broken. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "./errors.ts";
import { gzip, inPieces, utf8 } from "../../tests/data/fasta-sources.ts";
import { readFasta, type FastaRecord } from "./fasta.ts";
import type { ByteSource } from "./bytes.ts";

async function read(source: ByteSource | string, name = "test.fasta"): Promise<FastaRecord[]> {
  const records: FastaRecord[] = [];
  for await (const record of readFasta(typeof source === "string" ? inPieces(utf8(source), 7) : source, { name })) {
    records.push(record);
  }
  return records;
}

const plain = ">sp|P1 first protein\nMKV\nLLA*\n\n>P2\nacdx\n";
const expected = [
  { id: "sp|P1", description: "first protein", sequence: "MKVLLA", line: 1 },
  { id: "P2", description: "", sequence: "ACDX", line: 5 },
];

describe("readFasta", () => {
  test("joins lines, skips blank ones, raises lower case and drops a final asterisk", async () => {
    expect(await read(plain)).toEqual(expected);
  });

  test("reads Windows line ends", async () => {
    expect(await read(plain.replaceAll("\n", "\r\n"))).toEqual(expected);
  });

  test("needs no line end after the last residue, and takes a byte order mark and leading blank lines", async () => {
    expect(await read("\uFEFF\n \n> P1  a\tb \nM K V")).toEqual([
      { id: "P1", description: "a b", sequence: "MKV", line: 3 },
    ]);
  });

  test.each([1, 2, 3, 1000])("reads gzip in pieces of %d bytes", async (pieceSize) => {
    expect(await read(inPieces(await gzip(utf8(plain)), pieceSize))).toEqual(expected);
  });

  test("reads a ReadableStream", async () => {
    expect(await read(new Blob([plain]).stream())).toEqual(expected);
  });

  test("keeps an asterisk inside a sequence for the vocabulary to judge", async () => {
    expect((await read(">P1\nMK*VL*\n"))[0]?.sequence).toBe("MK*VL");
  });

  test("gives back what was written, whatever the records, the widths and the pieces", async () => {
    const recordOf = fc.record({
      id: fc.stringMatching(/^[A-Z0-9|_.]{1,12}$/),
      description: fc.array(fc.stringMatching(/^[a-zé0-9=]{1,5}$/), { maxLength: 3 }).map((words) => words.join(" ")),
      sequence: fc.stringMatching(/^[A-Z]{1,90}$/),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(recordOf, { minLength: 1, maxLength: 5 }),
        fc.record({
          width: fc.integer({ min: 1, max: 60 }),
          pieceSize: fc.integer({ min: 1, max: 50 }),
          lineEnd: fc.constantFrom("\n", "\r\n"),
          compress: fc.boolean(),
        }),
        async (records, { width, pieceSize, lineEnd, compress }) => {
          const lines = records.flatMap(({ id, description, sequence }) => [
            `>${id} ${description}`,
            ...(sequence.match(new RegExp(`.{1,${width}}`, "g")) ?? []),
          ]);
          const bytes = utf8(lines.join(lineEnd));
          const found = await read(inPieces(compress ? await gzip(bytes) : bytes, pieceSize));
          expect(found.map(({ id, description, sequence }) => ({ id, description, sequence }))).toEqual(records);
          for (const { id, line } of found) expect(lines[line - 1]?.startsWith(`>${id} `)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("yields records before the source has ended, and closes the source when the reader stops", async () => {
    let given = 0;
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        while (true) yield utf8(`>P${(given += 1)}\nMKV\n`);
      } finally {
        closed = true;
      }
    }
    for await (const record of readFasta(endless(), { name: "endless" })) {
      expect(record.id).toBe("P1");
      break;
    }
    expect(given).toBeLessThan(5);
    expect(closed).toBe(true);
  });

  test("passes the source's own failures on unchanged, also from beneath gzip", async () => {
    const bytes = await gzip(utf8(plain));
    const failure = new Error("the disk is gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 12);
      throw failure;
    }
    await expect(read(failing())).rejects.toBe(failure);
  });
});

describe("readFasta refuses", () => {
  test.each(["", "\n \r\n"])("an empty file: %j", async (text) => {
    await expect(read(text, "empty.fasta")).rejects.toThrow(
      "empty.fasta: a FASTA file must hold at least one record, got an empty file; check that the path is right",
    );
  });

  test("text that does not start with a header", async () => {
    await expect(read("\n\nMKVLLA\n")).rejects.toThrow(
      'test.fasta, line 3: a FASTA file must start with a header line ">identifier", got "MKVLLA"; give a FASTA file',
    );
  });

  test("NUL bytes, with their line", async () => {
    const broken = read(">P1\nMKV\nL\0L\n");
    await expect(broken).rejects.toThrow(DataError);
    await expect(broken).rejects.toThrow("test.fasta, line 3: the file must be text, got a NUL byte; give a text file");
  });

  test("a header without an identifier", async () => {
    await expect(read(">P1\nMK\n> \nMK\n")).rejects.toThrow("test.fasta, line 3: a header must carry an identifier");
  });

  test.each([">P1\n>P2\nMKV\n", ">P1\n*\n>P2\nMKV\n", ">P1 only a header"])(
    "a record without residues: %j",
    async (text) => {
      await expect(read(text)).rejects.toThrow(
        'test.fasta, line 1: a record must carry at least one residue, got the header ">P1" without a sequence below it; add',
      );
    },
  );

  test("gzip data that end early, naming the remedy", async () => {
    const bytes = await gzip(utf8(plain));
    for (const length of [3, 12, bytes.length - 9, bytes.length - 1]) {
      const broken = read(inPieces(bytes.subarray(0, length), 5), "cut.fasta.gz");
      await expect(broken).rejects.toThrow(DataError);
      await expect(broken).rejects.toThrow(
        /^cut\.fasta\.gz, line \d+: gzip data must be complete and intact, got .*; .* fetch it again/,
      );
    }
  });

  test("gzip data that are damaged", async () => {
    const bytes = await gzip(utf8(plain.repeat(20)));
    bytes[14] = (bytes[14] ?? 0) ^ 0xff;
    await expect(read(inPieces(bytes, 1000))).rejects.toThrow("gzip data must be complete and intact");
  });
});
