/** Claim: the error of approximated attention grows from layer to layer, and falls with the number of features. */

import {
  defineClaim,
  letOthersRun,
  mean,
  meanInterval,
  roundTo,
  standardError,
  type JsonRecord,
} from "performer-ts/lab";
import type { NdArray } from "performer-ts/graph";
import type { Named } from "performer-ts/model";

import { drawPropagation } from "./figure.ts";
import { compileStates, projectionsFor, relativeErrors, withFavor, type HiddenStates } from "./hidden-states.ts";
import type { Propagation, WeightsName } from "./result.ts";
import { configOf, freshWeights, freshWeightsWithUnitEmbeddings, trainedWeights, validationTokens } from "./weights.ts";

const SEED = 2009;
const FULL = {
  sizes: { numLayers: 12, modelDim: 64, numHeads: 4, seqLen: 128, tokensPerBatch: 1024, steps: 150 },
  numFeatures: [16, 64, 256],
  numSeeds: 6,
} as const;
const QUICK = {
  sizes: { numLayers: 3, modelDim: 32, numHeads: 2, seqLen: 32, tokensPerBatch: 256, steps: 15 },
  numFeatures: [8, 128],
  numSeeds: 5,
} as const;

export const errorPropagation = defineClaim({
  claim: "error-propagation",
  title:
    "Where layers add little to a stream of unit length, FAVOR+ in place of exact attention errs more with depth, less with features.",
  published:
    "arXiv:2009.14794, figure 14: output approximation errors between a Transformer and a Performer of the same weights, with orthogonal " +
    "features, grow with the number of layers; so weights moved from one to the other need fine-tuning (figure 5).",
  run: async ({ quick, onProgress }) => {
    const { sizes, numFeatures, numSeeds } = quick ? QUICK : FULL;
    const config = configOf(sizes);
    const tokens = await validationTokens(sizes);
    const numReadings = 3 * numSeeds * (1 + numFeatures.length);
    const total = sizes.steps + numReadings;
    let done = 0;
    const onStep = () => onProgress(++done, total, "training with exact attention");
    const onReading = () => onProgress(++done, total, "states behind every layer");
    const trained = await trainedWeights(config, sizes, SEED, onStep);
    const weights = {
      unitEmbeddings: (seed: number) => freshWeightsWithUnitEmbeddings(config, seed),
      initialised: (seed: number) => freshWeights(config, seed),
      trained: () => trained,
    } satisfies Record<WeightsName, (seed: number) => Named<NdArray>>;
    // The keys are those of `weights`.
    const names = Object.keys(weights) as WeightsName[];
    const seeds = Array.from({ length: numSeeds }, (_, seed) => seed);

    await using reader = await compileStates(config, tokens);
    const exact = new Map<WeightsName, HiddenStates[]>();
    for (const name of names) {
      const states: HiddenStates[] = [];
      for (const seed of seeds) {
        states.push(await reader.read(weights[name](seed)));
        onReading();
        await letOthersRun();
      }
      exact.set(name, states);
    }
    const all: Propagation[] = [];
    for (const count of numFeatures) {
      const approximate = withFavor(config, count);
      await using favor = await compileStates(approximate, tokens);
      for (const name of names) {
        const errors: (readonly number[])[] = [];
        for (const seed of seeds) {
          const states = await favor.read({ ...weights[name](seed), ...projectionsFor(approximate, seed) });
          errors.push(relativeErrors(states, exact.get(name)?.[seed] ?? []));
          onReading();
          await letOthersRun();
        }
        all.push({ weights: name, numFeatures: count, errors });
      }
    }
    const of = (name: WeightsName) => all.filter((each) => each.weights === name);
    const grows = (name: WeightsName) => of(name).every(growsWithDepth);
    const falls = (name: WeightsName) =>
      of(name)
        .slice(1)
        .every((more, index) => fallsAtEveryDepth(of(name)[index], more));
    return {
      setting: {
        ...sizes,
        mechanism: "exact, then favor (orthogonal positive features)",
        numFeatures: [...numFeatures],
        seeds: numSeeds,
        confidence: 0.95,
        trainingSeed: SEED,
      },
      measured: Object.fromEntries(
        names.map((name) => [
          name,
          { growsWithDepth: grows(name), fallsWithFeatures: falls(name), relativeErrorByDepth: describe(of(name)) },
        ]),
      ),
      holds: grows("unitEmbeddings") && falls("unitEmbeddings"),
      figure: drawPropagation(all),
    };
  },
});

/** The mean error rises from every layer to the next, and from the first to the last with confidence. */
function growsWithDepth({ errors }: Propagation): boolean {
  const means = (errors[0] ?? []).map((_, layer) => mean(errors.map((depths) => depths[layer] ?? Number.NaN)));
  const rises = errors.map((depths) => (depths.at(-1) ?? Number.NaN) - (depths[0] ?? Number.NaN));
  return means.slice(1).every((value, layer) => value > (means[layer] ?? Number.NaN)) && meanInterval(rises).low > 0;
}

/** Fewer features err more than more, at every depth, with confidence. */
function fallsAtEveryDepth(fewer: Propagation | undefined, more: Propagation): boolean {
  return (more.errors[0] ?? []).every((_, layer) => {
    const differences = more.errors.map(
      (depths, seed) => (fewer?.errors[seed]?.[layer] ?? Number.NaN) - (depths[layer] ?? Number.NaN),
    );
    return meanInterval(differences).low > 0;
  });
}

/** Relative errors by number of features; lists run over the depth. */
function describe(all: readonly Propagation[]): JsonRecord {
  return Object.fromEntries(
    all.map(({ numFeatures, errors }): [string, JsonRecord] => {
      const depths = (errors[0] ?? []).map((_, depth) => errors.map((each) => each[depth] ?? Number.NaN));
      return [
        `${numFeatures} features`,
        {
          mean: depths.map((values) => roundTo(mean(values), 3)),
          standardError: depths.map((values) => roundTo(standardError(values), 2)),
        },
      ];
    }),
  );
}
