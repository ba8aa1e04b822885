/** Digests: the same for the same sequences, wherever they lie, and for a stored digest of either kind. */

import { expect, it } from "vitest";

import { embeddedProteinsUrl, loadProteins, openFile } from "../data/index.ts";
import { digestOf, loadData } from "./dataset.ts";
import { dataSource } from "./data/source.ts";

/** Provenance: config.json of a run on the embedded proteins, from when all data were in memory. */
const PROTEINS_DIGEST = "6d4d88466957fc02fe06abd5dd8f379dab732cd92cdb5dcd320bdf249c5539dc";

it("the digest of sequences on demand is that of sequences in memory, and of the kind that is stored", async () => {
  const packed = await loadData({ kind: "proteins", source: "proteins" });
  const options = { source: openFile(embeddedProteinsUrl), name: "embedded", splitBy: "header" } as const;
  const inMemory = { splits: (await loadProteins(options)).splits, labelled: undefined };
  const digest = digestOf(packed);
  expect(digest).toBe(digestOf(inMemory));
  expect(digest).toBe(PROTEINS_DIGEST);
  const narrow = digestOf(packed, "bytes:");
  expect(narrow).toMatch(/^bytes:[0-9a-f]{64}$/);
  expect(digestOf(inMemory, narrow)).toBe(narrow);
  expect(digestOf({ ...packed, splits: { ...packed.splits, ood: packed.splits.test } }, narrow)).not.toBe(narrow);
  expect(digestOf(packed, digest)).toBe(digest);
});

it("the digest tells tags apart, and a trained model's tags are those of the data", async () => {
  const tagged = await loadData(await dataSource({ source: "proteins", tags: "family" }, "here"));
  expect(tagged.notice).toBe(
    "tags: 73 by family, in front of 1,467 of 1,787 training sequences; the others begin with <bos>",
  );
  const digest = digestOf(tagged);
  expect(digest).not.toBe(PROTEINS_DIGEST);
  // With other settings, as a run is resumed: what counts is its vocabulary.
  const known = { vocabulary: tagged.vocabulary, task: "language-modeling", classNames: [] } as const;
  const again = await loadData({ kind: "proteins", source: "proteins", tags: "family", minTagged: 20 }, { known });
  expect(again.vocabulary).toBe(tagged.vocabulary);
  expect(digestOf(again, digest)).toBe(digest);
  const [first, ...rest] = tagged.splits.train.filter(({ startId }) => startId !== undefined);
  const moved = {
    ...tagged.splits,
    train: [{ id: "moved", tokenIds: first?.tokenIds ?? new Int32Array(), startId: 30 }, ...rest],
  };
  const same = { ...tagged.splits, train: [first ?? { id: "", tokenIds: new Int32Array() }, ...rest] };
  expect(digestOf({ splits: moved, labelled: undefined })).not.toBe(digestOf({ splits: same, labelled: undefined }));
});
