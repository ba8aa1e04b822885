// Digests: the same for the same sequences, wherever they lie, and for a stored digest of either kind.

import { expect, it } from "vitest";

import { embeddedProteinsUrl, loadProteins, openFile } from "../data/index.ts";
import { digestOf, loadData } from "./dataset.ts";

it("the digest of sequences on demand is that of sequences in memory, and of the kind that is stored", async () => {
  const packed = await loadData({ kind: "proteins", source: "proteins" });
  const options = { source: openFile(embeddedProteinsUrl), name: "embedded", splitBy: "header" } as const;
  const inMemory = { splits: (await loadProteins(options)).splits, labelled: undefined };
  const digest = digestOf(packed);
  expect(digest).toBe(digestOf(inMemory));
  // Provenance: config.json of a run on the embedded proteins, from when all data were in memory.
  expect(digest).toBe("6d4d88466957fc02fe06abd5dd8f379dab732cd92cdb5dcd320bdf249c5539dc");
  const narrow = digestOf(packed, "bytes:");
  expect(narrow).toMatch(/^bytes:[0-9a-f]{64}$/);
  expect(digestOf(inMemory, narrow)).toBe(narrow);
  expect(digestOf({ ...packed, splits: { ...packed.splits, ood: packed.splits.test } }, narrow)).not.toBe(narrow);
  expect(digestOf(packed, digest)).toBe(digest);
});
