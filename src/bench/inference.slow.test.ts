/** The benchmark of embedding and scoring: what is counted, and the shape of its result on tiny real runs. */

import { describe, expect, it } from "vitest";

import { proteinVocabulary } from "../data/index.ts";
import { modelConfig } from "../model/index.ts";
import { forwardFlop, stepFlop } from "./flop.ts";
import { formatInferenceBench } from "./tables.ts";
import { benchInference, inferenceTasks } from "./inference.ts";

const tiny = { vocabSize: 29, modelDim: 16, numLayers: 1, numHeads: 2, numFeatures: 8, mlpDim: 32 } as const;

describe("the operations of a pass", () => {
  it("are a third of a training step's, head included", () => {
    const config = modelConfig(tiny);
    expect(3 * forwardFlop(config, 10, { head: true })).toBe(stepFlop(config, 10));
  });

  it("are those of the textbook's products, without chunks where every token sees all", () => {
    const config = modelConfig({ ...tiny, architecture: "encoder" });
    const dense = 4 * 16 * 16 + 2 * 16 * 32;
    const head = 8 * 8 + 8 * 8 + 8 * 9 + 8 * 9;
    expect(forwardFlop(config, 10, { head: false })).toBe(2 * 10 * (dense + 2 * head));
  });
});

it.each(["decoder", "encoder"] as const)(
  "bench inference embeds and scores with a model that is a %s",
  async (architecture) => {
    const sequences = [70, 3, 50].map((length, index) => ({
      id: `p${index}`,
      tokenIds: proteinVocabulary.encode("MKVLA".repeat(length).slice(0, length)),
    }));
    const config = modelConfig({ ...tiny, architecture });
    const told: unknown[] = [];
    const settings = { config, sequences, tasks: inferenceTasks, dtype: "float32", threads: 1 } as const;
    const result = await benchInference(settings, {
      onEvent: (event) => {
        if (event.type === "progress") told.push([event.fields?.["task"], event.done, event.total]);
      },
    });
    expect(result).toMatchObject({ sequences: 3, residues: 123 });
    expect(result.rows.map(({ task }) => task)).toEqual(["embed", "score"]);
    expect(told).toContainEqual(["embed", 123, 246]);
    expect(told.at(-1)).toEqual(["score", 246, 246]);
    for (const row of result.rows) {
      expect(row.residuesPerSecond).toBeCloseTo(123 / row.seconds, 6);
      expect(row.shareOfGemm).toBeCloseTo(row.gflop / row.seconds / row.gemmGflops, 10);
      expect(row.paddingShare).toBeGreaterThan(0);
      expect(row.paddingShare).toBeLessThan(1);
      expect(row.graphs).toBeGreaterThan(0);
      expect(row.runSeconds + row.compileSeconds).toBeLessThan(row.seconds * 1.01);
    }
    const [embed] = result.rows;
    // <bos>, and <eos> where a model has it, are tokens as well; a row without a sequence holds its <bos>.
    const special = architecture === "decoder" ? 1 : 2;
    const perToken = forwardFlop(config, 1, { head: false }) / 1e9;
    expect((embed?.gflop ?? 0) / perToken).toBeGreaterThanOrEqual(123 + 3 * special);
    expect((embed?.gflop ?? 0) / perToken).toBeLessThanOrEqual(123 + 3 * special + 1.01);
    expect(formatInferenceBench(result)).toMatch(
      /3 sequences, 123 residues; peak memory [\s\S]*\nembed .* % .* in .* s/,
    );
  },
);
