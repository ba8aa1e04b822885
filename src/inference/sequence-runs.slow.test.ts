/** A stream that is longer than what is read ahead. */
import { expect, it } from "vitest";
import { all, proteins, tinyModel } from "../../tests/inference/tiny-proteins.ts";
import { cast } from "../ops/compare.ts";
import { runSequences } from "./sequence-runs.ts";

it("reads a stream piece by piece, and gives results in its order", async () => {
  let taken = 0;
  async function* stream() {
    for (const [index, sequence] of proteins(...Array<number>(1500).fill(3)).entries()) {
      taken++;
      yield { ...sequence, id: `S${index}` };
    }
  }
  const progress: number[] = [];
  const results = runSequences({
    ...tinyModel(),
    sequences: stream(),
    wrap: "causal",
    build: ({ tokenIds }) => ({ ids: cast(tokenIds, "float32") }),
    read: (_outputs, _row, { id }) => ({ id }),
    onProgress: (tokens) => progress.push(tokens),
  });
  const first = await results.next();
  expect(first.value).toMatchObject({ id: "S0" });
  expect(taken).toBe(1024);
  const rest = await all(results);
  expect(rest.map(({ id }) => id)).toEqual(Array.from({ length: 1499 }, (_, index) => `S${index + 1}`));
  expect(progress.at(-1)).toBe(4500);
});
