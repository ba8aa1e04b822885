/** How long each mechanism takes at several lengths, all of them in turn. */

import { createBackend } from "performer-ts";
import { ndarray, type NdArray } from "performer-ts/graph";
import { letOthersRun, median } from "performer-ts/lab";
import { input } from "performer-ts/ops";
import { createRandom, fillNormal } from "performer-ts/random";
import type { AttentionSizes, Subject } from "./subjects.ts";

/**
 * Median milliseconds of each subject's forward pass: one warm-up, then rounds in which every one runs once.
 *
 * @param onRun told after each run
 */
export async function measureInTurn(
  subjects: readonly Subject[],
  sizes: AttentionSizes,
  rounds: number,
  onRun: (what: string) => void,
): Promise<readonly number[]> {
  const backend = createBackend();
  const prepared = [];
  for (const subject of subjects) {
    const run = await prepare(subject, sizes, backend);
    await run.once();
    onRun(subject.name);
    prepared.push({ subject, run, times: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { subject, run, times } of prepared) {
      const started = performance.now();
      await run.once();
      times.push(performance.now() - started);
      onRun(subject.name);
      await letOthersRun();
    }
  }
  for (const { run } of prepared) await run.dispose();
  return prepared.map(({ times }) => median(times));
}

async function prepare(
  { mechanism, causal, seqLen }: Subject,
  sizes: AttentionSizes,
  backend: ReturnType<typeof createBackend>,
) {
  const { numHeads, headDim, numFeatures } = sizes;
  const random = createRandom(1, "complexity");
  const shape = [1, numHeads, seqLen, headDim];
  const normal = (scale: number, of: readonly number[]): NdArray =>
    ndarray(fillNormal(random, new Float32Array(of.reduce((product, length) => product * length, 1)), scale), of);
  const drawn = mechanism.initialise(random, { headDim, numFeatures, numHeads });
  const own = Object.entries(mechanism.parameters?.({ numHeads, headDim, maxSeqLen: seqLen }) ?? {}).map(
    ([name, { shape: of, init }]) => [`own.${name}`, "std" in init ? normal(init.std, of) : normal(0, of)] as const,
  );
  const feeds: Record<string, NdArray> = {
    ...Object.fromEntries(["q", "k", "v"].map((name) => [name, normal(1, shape)])),
    ...(drawn && { projection: drawn.projection }),
    ...Object.fromEntries(own),
  };
  const tensor = (name: string) => input(name, feeds[name]?.shape ?? []);
  const out = mechanism.apply(tensor("q"), tensor("k"), tensor("v"), {
    causal,
    ...(drawn && { projection: tensor("projection") }),
    ...(own.length > 0 && {
      parameters: Object.fromEntries(own.map(([name]) => [name.slice("own.".length), tensor(name)])),
    }),
  });
  const executable = await backend.compile({ outputs: { out } });
  // Some mechanisms read no keys.
  const read = Object.fromEntries(Object.entries(feeds).filter(([name]) => name in executable.inputs));
  return { once: () => executable.run(read), dispose: () => executable.dispose() };
}
