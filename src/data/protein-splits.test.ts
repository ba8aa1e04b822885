/** Splits that keep families and near copies together, on made-up records. */
import { describe, expect, test } from "vitest";
import { splitNames, type SplitName } from "./datasets.ts";
import { readFamilies, type Families, type ProteinSplitRule } from "./protein-splits.ts";
import { loadProteins } from "./proteins.ts";

function blob(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

async function splitsOf(text: string, splitBy: ProteinSplitRule, families?: Families): Promise<Map<string, SplitName>> {
  const dataset = await loadProteins({
    source: blob(text),
    name: "test.fasta",
    splitBy,
    ...(families !== undefined && { families }),
  });
  return new Map(splitNames.flatMap((split) => dataset.splits[split].map(({ id }) => [id, split] as const)));
}

describe('splitBy "family"', () => {
  const families = Array.from({ length: 400 }, (_, i) => `PF${i}`);
  const text = families.flatMap((name, i) => [0, 1, 2].map((j) => `>P${i}.${j} train ${name}\nMKV\n`)).join("");

  test("keeps every family in one split, in shares of 80, 5, 5 and 10 % of families", async () => {
    const splits = await splitsOf(text, "family");
    const counts = { train: 0, valid: 0, test: 0, ood: 0 };
    for (const i of families.keys()) {
      const own = new Set([0, 1, 2].map((j) => splits.get(`P${i}.${j}`) ?? "train"));
      expect(own.size).toBe(1);
      for (const split of own) counts[split] += 1;
    }
    // Four standard errors of a share p of 400 families: 4·√(p(1 − p)·400).
    expect(Math.abs(counts.train - 320)).toBeLessThan(32);
    expect(Math.abs(counts.valid - 20)).toBeLessThan(18);
    expect(Math.abs(counts.test - 20)).toBeLessThan(18);
    expect(Math.abs(counts.ood - 40)).toBeLessThan(24);
  });

  test("reads families from a table, by accession, and keeps those with a common member together", async () => {
    const table = "# made up\nP10001\tA\nP10002\tB\nP10002\tC\nP10003\tC\textra\n\nP10004\tB\n";
    const read = await readFamilies(blob(table), "families.tsv");
    expect(read.get("P10002")).toEqual(["B", "C"]);
    const fasta = [1, 2, 3, 4].map((i) => `>sp|P1000${i}|X_Y some protein\nMKV\n`).join("");
    const splits = await splitsOf(fasta, "family", read);
    const joined = [2, 3, 4].map((i) => splits.get(`sp|P1000${i}|X_Y`));
    expect(new Set(joined).size).toBe(1);
    // The leader of B and C alone decides, so another table that says the same gives the same.
    const turned = await readFamilies(blob("P10004\tB\nP10003\tC\nP10002\tC\nP10002\tB\n"), "families.tsv");
    expect((await splitsOf(fasta, "family", turned)).get("sp|P10003|X_Y")).toBe(joined[0]);
  });

  test("refuses records without any family, and tables that are none", async () => {
    await expect(splitsOf(">P1 albumin\nMK\n", "family")).rejects.toThrow(
      "test.fasta: there must be a family for at least one record to part them by families, got headers without any; name a table",
    );
    await expect(splitsOf(">P1\nMK\n", "family", new Map([["P2", ["A"]]]))).rejects.toThrow("a table that names none");
    await expect(readFamilies(blob("P1\tA\nP2 B\n"), "families.tsv")).rejects.toThrow(
      'families.tsv, line 2: a line must hold an accession and its family with a tab between them, got "P2 B"',
    );
    await expect(readFamilies(blob("# nothing\n"), "families.tsv")).rejects.toThrow("must hold at least one line");
  });
});

describe('splitBy "similarity"', () => {
  test("puts copies where the smallest of their identifiers says, whatever the file's order", async () => {
    const sequence = "MKVLLAAGIVGRCPWYHEDKNQSTFMKVLAAGIVGR";
    const lines = ["P65", "P1", "P29", "P3"].map((id) => `>${id}\n${sequence}\n`);
    const splits = await splitsOf(lines.join(""), "similarity");
    expect(new Set(splits.values()).size).toBe(1);
    expect(splits).toEqual(new Map([...(await splitsOf(lines.toReversed().join(""), "similarity"))].toReversed()));
    // Alone, P29 and P65 are in valid, P1 and P3 in train.
    expect(new Set((await splitsOf(lines.join(""), "hash")).values()).size).toBe(2);
  });
});
