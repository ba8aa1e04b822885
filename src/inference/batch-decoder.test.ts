/** Continuous batching: prompts, and what is refused; the slow suite runs it over mechanisms and schedules. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { config, readTokenByToken, tensors, tokensOf } from "../../tests/model/decoding.ts";
import { tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { createBatchDecoder } from "./batch-decoder.ts";

const backend = createBackend();

describe("a batch decoder", () => {
  it("reads prompts of one token, and of unequal lengths together", async () => {
    await using decoder = await createBatchDecoder(config, tensors, backend, { slots: 3 });
    const prompts = [1, 2, 5].map((length) => tokensOf(`prompt ${length}`, length));
    const together = await decoder.prefill(new Map(prompts.map((prompt) => [decoder.join(), prompt])));
    for (const [index, prompt] of prompts.entries()) {
      decoder.leave(index);
      const alone = decoder.join();
      expect(await readTokenByToken(decoder, alone, prompt)).toEqual(together.get(index));
    }
  });

  it("refuses what it cannot do, and says the way out", async () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ name: "RuntimeError", message: expect.stringMatching(message) });
    await expect(createBatchDecoder(config, tensors, backend, { slots: 0 })).rejects.toThrow(
      refused(/sequences must be a positive whole number, got 0/),
    );
    await using decoder = await createBatchDecoder(config, tensors, backend, { slots: 1 });
    expect(() => decoder.position(0)).toThrow(refused(/slot must be one that holds a sequence \(none does\), got 0/));
    await expect(decoder.step(new Map([[0, 1]]))).rejects.toThrow(refused(/slot must be one that holds/));
    expect(() => decoder.snapshot(3)).toThrow(refused(/got 3; join\(\) gives one/));
    const slot = decoder.join();
    expect(() => decoder.join()).toThrow(refused(/a slot must be free, got 1 of 1 taken/));
    await expect(decoder.prefill(new Map([[slot, []]]))).rejects.toThrow(
      refused(/at least one token, got none for slot 0/),
    );
    await expect(decoder.step(new Map([[slot, 11]]))).rejects.toThrow(refused(/from 0 to 10, got 11/));

    const others = tinyTensors(config, 5);
    await using stranger = await createBatchDecoder(config, others, backend, { slots: 1 });
    const foreign = stranger.snapshot(stranger.join());
    decoder.leave(slot);
    expect(() => decoder.restore(foreign)).toThrow(refused(/a snapshot must be of this model/));
    const cut = { ...foreign, arrays: { ...foreign.arrays, keys: new Float32Array(3) } };
    stranger.leave(0);
    expect(() => stranger.restore(cut)).toThrow(refused(/array 'keys' of a snapshot must have .* elements, got 3/));
    expect(stranger.active).toEqual([]);
  });

  it("refuses to join behind the beginning where sequences are read again", async () => {
    const again = tinyConfig({ mechanism: "exact" });
    await using decoder = await createBatchDecoder(again, tinyTensors(again, 5), backend, { slots: 1 });
    expect(() => decoder.join(3)).toThrow(
      /join: position of the first token must be 0 with a mechanism that reads its sequences again, got 3; leave it out \(.*'position' of join\)/,
    );
    expect(decoder.active).toEqual([]);
    expect(decoder.join()).toBe(0);
  });
});
