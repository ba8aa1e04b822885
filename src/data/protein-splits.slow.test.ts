/** How often each way of splitting parts relatives, on the embedded families. */
import { beforeAll, expect, test } from "vitest";
import { splitNames, type SplitName } from "./datasets.ts";
import { createRandom, shuffle } from "../random/index.ts";
import { embeddedProteinsUrl, openFile } from "./files.ts";
import { loadProteins } from "./proteins.ts";
import { clusterSimilar } from "./similarity.ts";
import { proteinVocabulary, standardResidues } from "./vocabularies/letters.ts";
import type { ProteinSplitRule } from "./protein-splits.ts";

/** The share of pairs of relatives whose members are in different splits. */
function shareParted(groups: Iterable<readonly SplitName[]>): { readonly pairs: number; readonly parted: number } {
  let pairs = 0;
  let parted = 0;
  for (const group of groups) {
    for (const [i, a] of group.entries()) {
      for (const b of group.slice(0, i)) {
        pairs += 1;
        if (a !== b) parted += 1;
      }
    }
  }
  return { pairs, parted };
}

const load = (splitBy: ProteinSplitRule) =>
  loadProteins({ source: openFile(embeddedProteinsUrl), name: "embedded", splitBy });
let byHash: ReturnType<typeof load>;
beforeAll(() => {
  byHash = load("hash");
});

test("of relatives in the embedded families hashing parts every fifth pair, similarity fewer, families none", async () => {
  const [hash, similarity, family] = await Promise.all([byHash, load("similarity"), load("family")]);
  const all = splitNames.flatMap((split) => family.splits[split]);
  const groupsBy = (keyOf: (index: number) => string | number | undefined, dataset: typeof hash) => {
    const splitOf = new Map(splitNames.flatMap((split) => dataset.splits[split].map(({ id }) => [id, split] as const)));
    const groups = new Map<string | number, SplitName[]>();
    for (const [i, { id }] of all.entries()) {
      const key = keyOf(i);
      if (key === undefined) continue;
      groups.set(key, [...(groups.get(key) ?? []), splitOf.get(id) ?? "train"]);
    }
    return shareParted(groups.values());
  };
  const byFamily = (index: number) => all[index]?.family;
  // Provenance: this implementation; with 90, 5 and 5 % of identifiers 1 − (0.9² + 2·0.05²) = 18.5 % of pairs are
  // expected.
  expect(groupsBy(byFamily, hash)).toEqual({ pairs: 26_359, parted: 4_965 });
  // Most members of a family are distant: similarity is no substitute for families.
  expect(groupsBy(byFamily, similarity)).toEqual({ pairs: 26_359, parted: 3_450 });
  expect(groupsBy(byFamily, family)).toEqual({ pairs: 26_359, parted: 0 });
  // Near copies by another measure than the clusters' own: residues that agree place by place, of pairs of equal
  // length.
  const near = all.flatMap((a, i) =>
    all.slice(0, i).flatMap((b) => (identity(a.tokenIds, b.tokenIds) >= 0.7 ? [[a.id, b.id]] : [])),
  );
  const countParted = (dataset: typeof hash): number => {
    const splitOf = new Map(splitNames.flatMap((split) => dataset.splits[split].map(({ id }) => [id, split] as const)));
    return near.filter(([a = "", b = ""]) => splitOf.get(a) !== splitOf.get(b)).length;
  };
  expect({ near: near.length, hash: countParted(hash), similarity: countParted(similarity) }).toEqual({
    near: 127,
    hash: 30,
    similarity: 0,
  });
});

test.each([
  [0.9, 1],
  [0.8, 0.87],
  [0.7, 0.17],
])(
  "of copies of which a share of %d is kept, the rest drawn anew, similarity joins a share of about %d",
  async (kept, share) => {
    const { splits } = await byHash;
    // Every second: clustering costs most, and grows faster than the sequences.
    const originals = splitNames
      .flatMap((split) => splits[split].map(({ tokenIds }) => tokenIds))
      .filter((_, index) => index % 2 === 0);
    const residues = proteinVocabulary.encode(standardResidues);
    const copies = originals.map((tokenIds, index) => {
      const random = createRandom(11, "copy", index);
      const places = shuffle(random, Array.from(tokenIds.keys())).slice(Math.round(kept * tokenIds.length));
      const copy = tokenIds.slice();
      for (const place of places) {
        const others = residues.filter((id) => id !== tokenIds[place]);
        copy[place] = others[random.integer(others.length)] ?? 0;
      }
      return copy;
    });
    const all = [...originals, ...copies];
    const clusters = clusterSimilar(
      { count: all.length, tokensOf: (index) => all[index] ?? new Int32Array() },
      proteinVocabulary,
    );
    const joined = originals.filter((_, index) => clusters[index] === clusters[originals.length + index]).length;
    // Provenance: this implementation; five standard deviations of so many draws.
    const bound = 0.005 + 5 * Math.sqrt((share * (1 - share)) / originals.length);
    expect(Math.abs(joined / originals.length - share)).toBeLessThan(bound);
  },
);

/** The share of equal residues, 0 of sequences of different lengths. */
function identity(a: Int32Array, b: Int32Array): number {
  if (a.length !== b.length) return 0;
  return a.filter((id, place) => id === b[place]).length / a.length;
}
