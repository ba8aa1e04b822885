/**
 * The same sequences from memory, from a cache being filled and from a filled one; and a cache that never holds the
 * wrong thing.
 */
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gzip, utf8 } from "../../tests/data/fasta-sources.ts";
import { withTags } from "./conditioning.ts";
import { indexFasta, type FastaIndex, type FastaIndexOptions } from "./files-fasta-index.ts";
import { loadIndexedProteins } from "./files-proteins.ts";
import { countRecords, packedSequence } from "./packed.ts";
import { splitNames } from "./datasets.ts";
import { unigramBaseline } from "./unigram.ts";
import { proteinVocabulary } from "./vocabularies/letters.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-index-"));
});
afterAll(() => rm(folder, { recursive: true }));

const text = Array.from(
  { length: 50 },
  (_, i) => `>P${i} train PF${i % 7}\n${"MKVLLAACDE".repeat(1 + (i % 5))}\n`,
).join("");

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function residuesOf(index: FastaIndex): string[] {
  return Array.from({ length: countRecords(index) }, (_, i) => {
    const { id, tokenIds } = packedSequence(index, i);
    return `${id} ${proteinVocabulary.decode(tokenIds)}`;
  });
}

async function read(path: string, options: FastaIndexOptions): Promise<{ from: string; residues: string[] }> {
  await using index = await indexFasta(path, options);
  return { from: index.from, residues: residuesOf(index) };
}

describe("indexFasta", () => {
  test("reads the same from memory, packed into a cache, and from that cache", async () => {
    const path = await write("all.fasta.gz", await gzip(utf8(text)));
    const options = { cacheFolder: join(folder, "cache-all"), memoryBytes: 0 };
    const memory = await read(path, {});
    expect(memory.from).toBe("memory");
    expect(memory.residues).toHaveLength(50);
    expect(memory.residues[6]).toBe("P6 MKVLLAACDEMKVLLAACDE");
    expect(await read(path, options)).toEqual({ from: "packed", residues: memory.residues });
    expect(await read(path, options)).toEqual({ from: "cache", residues: memory.residues });
    // Letters are what is packed, whatever tags the vocabulary has.
    const vocabulary = withTags(proteinVocabulary, ["PF1"]);
    expect(await read(path, { ...options, vocabulary })).toEqual({ from: "cache", residues: memory.residues });
    // Here and there, not only in order.
    await using index = await indexFasta(path, options);
    for (const i of [49, 3, 4, 5, 0, 48]) expect(packedSequence(index, i).id).toBe(`P${i}`);
  });

  test("packs a changed file anew, and removes what it was", async () => {
    const path = await write("changed.fasta", ">P1\nMKV\n");
    const cacheFolder = join(folder, "cache-changed");
    const options = { cacheFolder, memoryBytes: 0 };
    expect(await read(path, options)).toEqual({ from: "packed", residues: ["P1 MKV"] });
    await writeFile(path, ">P2\nACD\n");
    await utimes(path, new Date(), new Date(Date.now() + 10_000));
    expect(await read(path, options)).toEqual({ from: "packed", residues: ["P2 ACD"] });
    expect(await readdir(cacheFolder)).toHaveLength(1);
  });

  test("leaves nothing behind when the file is refused half way, and tells where", async () => {
    const path = await write("bad.fasta", `${text}>last\nMK-V\n`);
    const cacheFolder = join(folder, "cache-bad");
    await expect(indexFasta(path, { cacheFolder, memoryBytes: 0 })).rejects.toThrow(
      /^bad\.fasta, line 101, record last: .* got "-" at position 3; /,
    );
    // A folder that was never begun is as good as an empty one.
    await mkdir(cacheFolder, { recursive: true });
    expect(await readdir(cacheFolder)).toEqual([]);
  });

  test("says what to do when the cache cannot be written", async () => {
    const path = await write("plain.fasta", text);
    const cacheFolder = join(await write("not-a-folder", ""), "cache");
    await expect(indexFasta(path, { cacheFolder, memoryBytes: 0 })).rejects.toThrow(
      /indexing sequences: there must be room for the packed sequences in the cache, got .*; name a folder on a disk with room, in the variable PERFORMER_CACHE/,
    );
  });

  test("refuses a file that is not there, a folder, an empty file and one cut off", async () => {
    await expect(indexFasta(join(folder, "none.fasta"))).rejects.toThrow("which does not exist");
    await expect(indexFasta(folder)).rejects.toThrow("name a file inside it");
    await expect(indexFasta(await write("empty.fasta", ""))).rejects.toThrow("must hold at least one record");
    const cut = (await gzip(utf8(text))).subarray(0, 60);
    await expect(indexFasta(await write("cut.fasta.gz", cut))).rejects.toThrow("gzip data must be complete and intact");
  });

  test("tells how many bytes of the file have been read, to the last", async () => {
    const bytes = await gzip(utf8(text));
    const told: number[][] = [];
    await indexFasta(await write("told.fasta.gz", bytes), { onProgress: (...progress) => told.push(progress) });
    expect(told.at(-1)).toEqual([bytes.length, bytes.length]);
  });
});

describe("loadIndexedProteins", () => {
  test("parts records on disk as in memory, with the same baseline", async () => {
    const path = await write("parted.fasta", text);
    await using memory = await loadIndexedProteins(path, { splitBy: "family" });
    await using disk = await loadIndexedProteins(path, {
      splitBy: "family",
      memoryBytes: 0,
      cacheFolder: join(folder, "cache-parted"),
    });
    const told = (dataset: typeof memory) =>
      splitNames.map((split) => dataset.splits[split].map(({ id, family }) => `${id} ${family}`));
    expect(disk.index.from).toBe("packed");
    expect(told(disk)).toEqual(told(memory));
    const of = ({ splits }: typeof memory) => unigramBaseline(splits.train, splits.train);
    expect(of(disk)).toEqual(of(memory));
  });

  test("closes the index when records cannot be parted", async () => {
    const path = await write("untold.fasta", ">P1 albumin\nMK\n");
    await expect(loadIndexedProteins(path, { splitBy: "header" })).rejects.toThrow(
      'untold.fasta, line 1, record P1: the header\'s second word must name the split (train, valid, test, ood), got "albumin"',
    );
  });
});
