/** Similarities of amino acids: chance is 1, like heads make like residues, and a matrix agrees with itself. */
import { beforeAll, describe, expect, it } from "vitest";
import { present, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { proteinVocabulary as vocabulary, standardResidues } from "../data/vocabularies/letters.ts";
import { createRandom } from "../random/index.ts";
import { compareSimilarity } from "./similarity-comparison.ts";
import { embeddingSimilarity, headSimilarity, pairsOf, pairSimilarity, predictionSimilarity } from "./similarity.ts";
import { loadBlosum62, type SubstitutionMatrix } from "./substitution-matrix.ts";

const COUNT = standardResidues.length;

describe("similarities", () => {
  const maps = Array.from({ length: 5 }, (_, head) => ({ layer: 0, head }));
  const draws = createRandom(37, "sums");
  const uniform = Float64Array.from({ length: COUNT * COUNT }, () => 1 + draws.uniform());
  const counts = { sequences: 1, residues: 1 };

  it("between pairs are 1 under uniform attention, whatever the residues' frequencies", () => {
    const sums = Float64Array.from(
      { length: maps.length * COUNT * COUNT },
      (_, index) => 3 * present(uniform[index % (COUNT * COUNT)]),
    );
    const { values } = pairSimilarity({ maps, sums, uniform, ...counts });
    for (const { a, b } of pairsOf(standardResidues)) expect(values[a]?.[b]).toBeCloseTo(1, 12);
  });

  it("between pairs rise with the attention of the two to each other, not to themselves", () => {
    const sums = Float64Array.from({ length: COUNT * COUNT }, (_, pair) => {
      const [a, b] = [Math.floor(pair / COUNT), pair % COUNT];
      const isPlanted = Math.min(a, b) === 2 && Math.max(a, b) === 3;
      return present(uniform[pair]) * (a === b ? 50 : isPlanted ? 4 : 1);
    });
    const { values } = pairSimilarity({ maps: maps.slice(0, 1), sums, uniform, ...counts });
    expect(present(values[2]?.[3])).toBeGreaterThan(3);
    expect(values[3]?.[2]).toBe(values[2]?.[3]);
    expect(
      Math.max(
        ...pairsOf(standardResidues).flatMap(({ a, b }) => (a === 2 && b === 3 ? [] : [present(values[a]?.[b])])),
      ),
    ).toBeLessThan(1.1);
    expect(() =>
      pairSimilarity({ maps, sums, uniform: uniform.map((each, pair) => (pair === 1 ? 0 : each)), ...counts }),
    ).toThrow(/got none that holds A and C; give more sequences/);
  });

  it("of predictions are the mean log-odds, and 0 where predictions are the same everywhere", () => {
    const counts = Float64Array.from({ length: COUNT }, (_, a) => 1 + (a % 3));
    const column = (letter: string) => standardResidues.indexOf(letter);
    const frequencies = Float64Array.from({ length: COUNT }, (_, b) => Math.log((1 + b) / 210));
    const sums = Float64Array.from(
      { length: COUNT * COUNT },
      (_, pair) => present(counts[Math.floor(pair / COUNT)]) * present(frequencies[pair % COUNT]),
    );
    const flat = predictionSimilarity({ sums, counts });
    for (const { a, b } of pairsOf(standardResidues)) expect(flat.values[a]?.[b]).toBeCloseTo(0, 12);
    // E is twice as likely where D stands, which has some of all places.
    const [d, e] = [column("D"), column("E")];
    sums[d * COUNT + e] = present(sums[d * COUNT + e]) + present(counts[d]) * Math.LN2;
    const share = present(counts[d]) / counts.reduce((sum, count) => sum + count, 0);
    const { values } = predictionSimilarity({ sums, counts });
    expect(values[d]?.[e]).toBeCloseTo((Math.LN2 * (1 - share)) / 2, 12);
    expect(values[e]?.[d]).toBe(values[d]?.[e]);
    expect(() => predictionSimilarity({ sums, counts: counts.with(4, 0) })).toThrow(/got none that holds F; give more/);
  });

  it("over heads are 1 for residues that receive the same shares, and −1 for opposite ones", () => {
    // Heads look at D and E alike, and at K where they do not look at these.
    const sums = new Float64Array(maps.length * COUNT * COUNT).fill(1);
    const column = (letter: string) => standardResidues.indexOf(letter);
    maps.forEach((_, map) => {
      const start = map * COUNT * COUNT;
      sums[start + column("D")] = 10 + map;
      sums[start + column("E")] = 20 + map;
      sums[start + column("K")] = 40 - 2 * map;
    });
    const { values } = headSimilarity({ maps, sums });
    const of = (a: string, b: string) => present(values[column(a)]?.[column(b)]);
    expect(of("D", "E")).toBeCloseTo(1, 12);
    expect(of("E", "K")).toBeCloseTo(-1, 12);
    expect(of("D", "D")).toBeNaN();
    expect(() => headSimilarity({ maps: maps.slice(3), sums })).toThrow(/at least 3 heads, .* got 2; take more/);
  });

  it("of embeddings are cosines", () => {
    const config = tinyConfig({ vocabSize: vocabulary.size });
    const tensors = tinyTensors(config);
    const { values } = embeddingSimilarity({ tensors, vocabulary });
    const { data, shape } = present(tensors["tokenEmbedding.weight"]);
    const row = (letter: string) =>
      Array.from({ length: shape[1] ?? 0 }, (_, i) =>
        Number(data[vocabulary.tokens.indexOf(letter) * (shape[1] ?? 0) + i]),
      );
    const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * present(y[i]), 0);
    const [x, y] = [row("A"), row("C")];
    expect(values[0]?.[1]).toBeCloseTo(dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)), 12);
    expect(() => embeddingSimilarity({ tensors: {}, vocabulary })).toThrow(/must have an embedding of 'A', got none/);
  });
});

describe("compareSimilarity", () => {
  let blosum: SubstitutionMatrix;
  beforeAll(async () => {
    blosum = await loadBlosum62();
  });
  const quick = { permutations: 199, resamples: 100 };
  const matrixOf = (of: (a: string, b: string) => number) => ({
    letters: standardResidues,
    values: Array.from(standardResidues, (a) => Array.from(standardResidues, (b) => (a === b ? Number.NaN : of(a, b)))),
  });

  it("finds that a matrix agrees with itself, as no permutation does", () => {
    const { correlation, interval, pValue, noted, ranked, pairs } = compareSimilarity(
      matrixOf(blosum.score),
      blosum,
      quick,
    );
    expect(correlation).toBeCloseTo(1, 12);
    expect(interval.low).toBeCloseTo(1, 12);
    expect(pValue).toBe(1 / 200);
    expect(pairs).toBe(190);
    expect(ranked.slice(0, 2).map(({ pair }) => pair)).toEqual(["FY", "IV"]);
    expect(noted.map(({ pair }) => pair)).toEqual(["DE", "FY", "IV", "KR"]);
    expect(noted.every(({ rank }) => rank <= 10)).toBe(true);
  });

  it("finds nothing in noise, and the same for the same seed", () => {
    const noise = createRandom(41, "noise");
    const table = new Map(pairsOf(standardResidues).map(({ letters }) => [letters, noise.normal()]));
    const matrix = matrixOf((a, b) => present(table.get(a < b ? a + b : b + a)));
    const result = compareSimilarity(matrix, blosum, quick);
    expect(result.interval.low).toBeLessThan(0);
    expect(result.interval.high).toBeGreaterThan(0);
    expect(result.pValue).toBeGreaterThan(0.01);
    expect(compareSimilarity(matrix, blosum, quick)).toEqual(result);
  });

  it("refuses a pair without a similarity", () => {
    const values = Array.from({ length: COUNT }, (_, a) =>
      Array.from({ length: COUNT }, (_, b) => (a + b === 1 ? Number.NaN : a + b)),
    );
    expect(() => compareSimilarity({ letters: standardResidues, values }, blosum)).toThrow(
      /every pair of residues must have a similarity, got none for A and C; give sequences/,
    );
  });
});
