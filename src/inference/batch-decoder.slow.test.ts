/**
 * Continuous batching over many mechanisms and a random schedule: prefill, joining and leaving, forks and snapshots.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom } from "../random/index.ts";
import { config, readTokenByToken, tensors, tokensOf, vectors } from "../../tests/model/decoding.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { createBatchDecoder } from "./batch-decoder.ts";
import { DECODE_WINDOW } from "./step-graph.ts";

const TOLERANCE = {
  /** Float32 through two layers, with sums over the past in another order. */
  logits: 2e-5,
} as const;

const backend = createBackend();

describe("prefill", () => {
  it.each([
    ["favor", {}],
    ["favor with learned positions", { positions: "learned", maxSeqLen: 97 }],
    ["favor-relu", { mechanism: "favor-relu" }],
    ["favor-hyperbolic, a projection a head", { mechanism: "favor-hyperbolic", projectionPerHead: true }],
    ["exact", { mechanism: "exact" }],
    ["a reversible model", { reversible: true }],
    ["token shift and sinusoidal positions", { tokenShift: true, positions: "sinusoidal" }],
    ["a mechanism a layer", { mechanism: ["favor", "favor-relu"] }],
    ["norms behind branches and axial positions", { normPlacement: "post", positions: "axial", maxSeqLen: 97 }],
  ] as const)("of %s gives what reading token by token gives, and the same state", async (_name, options) => {
    const config = tinyConfig(options);
    await using decoder = await createBatchDecoder(config, tinyTensors(config), backend, { slots: 2 });
    const prompt = tokensOf("prompt", 64 + 7);
    const [prefilled, stepped] = [decoder.join(), decoder.join()];
    const logits = (await decoder.prefill(new Map([[prefilled, prompt]]))).get(prefilled);
    expect(relativeError(logits, await readTokenByToken(decoder, stepped, prompt))).toBeLessThan(TOLERANCE.logits);
    expect(decoder.position(prefilled)).toBe(prompt.length);
    const more = tokensOf("more", 5);
    const after = await readTokenByToken(decoder, prefilled, more);
    expect(relativeError(after, await readTokenByToken(decoder, stepped, more))).toBeLessThan(TOLERANCE.logits);
  });
});

describe("a batch", () => {
  it("tells each sequence the same whatever others join and leave, and in whatever slot", async () => {
    const slots = 5;
    const lengths = [DECODE_WINDOW + 9, 3, 17, 2 * DECODE_WINDOW + 1, 1, 29, 40, 11];
    const sequences = lengths.map((length, index) => tokensOf(`sequence ${index}`, length));
    const told: number[][][] = sequences.map(() => []);
    await using decoder = await createBatchDecoder(config, tensors, backend, { slots });
    const random = createRandom(11, "schedule");
    const waiting = [...sequences.keys()];
    const running = new Map<number, number>();
    const slotsSeen = new Set<number>();
    while (waiting.length > 0 || running.size > 0) {
      while (running.size < slots && waiting.length > 0 && (running.size === 0 || random.uniform() < 0.3)) {
        const slot = decoder.join();
        slotsSeen.add(slot);
        running.set(slot, present(waiting.shift()));
      }
      // Not every sequence moves at every step.
      const moving = [...running].filter(() => random.uniform() < 0.7);
      const next = moving.map(
        ([slot, index]) => [slot, present(sequences[index]?.[told[index]?.length ?? 0])] as const,
      );
      for (const [slot, logits] of await decoder.step(new Map(next))) {
        const index = present(running.get(slot));
        present(told[index]).push([...logits]);
        if (told[index]?.length !== lengths[index]) continue;
        running.delete(slot);
        decoder.leave(slot);
      }
    }
    expect(slotsSeen.size).toBe(slots);
    for (const [index, tokens] of sequences.entries()) {
      const alone = decoder.join();
      for (const [position, token] of tokens.entries()) {
        const logits = present((await decoder.step(new Map([[alone, token]]))).get(alone));
        // To the last bit.
        expect([...logits], `sequence ${index}, position ${position}`).toEqual(told[index]?.[position]);
      }
      decoder.leave(alone);
    }
  });

  it.each([{ mechanism: "favor" }, { mechanism: "exact" }, { tokenShift: true }, { positions: "none" }] as const)(
    "of %j forks, and restores snapshots elsewhere, to the last bit",
    async (options) => {
      const config = tinyConfig({ ...vectors, ...options });
      await using decoder = await createBatchDecoder(config, tinyTensors(config), backend, { slots: 3 });
      const slot = decoder.join();
      await readTokenByToken(decoder, slot, tokensOf("before", DECODE_WINDOW + 5));
      const snapshot = decoder.snapshot(slot);
      const fork = decoder.fork(slot);
      const after = tokensOf("after", DECODE_WINDOW);
      const expected = await readTokenByToken(decoder, slot, after);
      expect(await readTokenByToken(decoder, fork, after)).toEqual(expected);

      await using other = await createBatchDecoder(config, tinyTensors(config), backend, { slots: 3 });
      // As if it had been stored and read back.
      const restored = other.restore(structuredClone(snapshot));
      expect(other.position(restored)).toBe(DECODE_WINDOW + 5);
      expect(await readTokenByToken(other, restored, after)).toEqual(expected);
      expect(decoder.snapshot(fork)).toEqual(other.snapshot(restored));
    },
  );
});
