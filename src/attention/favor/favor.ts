/** FAVOR+ as attention mechanisms: one for each feature map. */
import { expectShapes } from "../../graph/expect-shapes.ts";
import { GraphError, problem } from "../../graph/errors.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { AttentionMechanism } from "../mechanism.ts";
import { shown } from "../../graph/arguments.ts";
import { featureMaps, type FeatureMapName } from "./maps/index.ts";
import type { FeatureMap, MapInputs, Statistics } from "../feature-map.ts";
import { checkArray, drawProjection, projectionShape, requireProjection } from "./projections.ts";
import { recurrentForm } from "./recurrent.ts";
import { scheduleFor } from "./schedules.ts";
import { summarisedForm } from "./summarised.ts";

/**
 * Linear attention with the given feature map: one of the table `featureMaps`, or one of your own.
 *
 * @param name default `favor-` and the map's name
 */
export function favorMechanism(map: FeatureMap, name = `favor-${map?.name}`): AttentionMechanism {
  if (typeof map?.features !== "function") {
    throw new GraphError(
      problem`favorMechanism: map must be a feature map, got ${shown(map)}; take one of featureMaps, or make one with
      generalizedFeatures`,
    );
  }
  const { statistics } = map;
  const adapt = (inputs: MapInputs, given: Statistics | undefined): MapInputs =>
    statistics === undefined ? inputs : statistics.adapt(inputs, given ?? missingStatistics(name));
  return {
    name,
    summary: map.summary,
    complexity: "O(L·m)",
    wholeBlocks: { least: 1 },
    map,
    initialise: (random, { projection, ...sizes }) => ({
      projection: drawProjection(map, random, sizes, projection),
    }),
    projectionShape: ({ projection, ...sizes }) => projectionShape(map, sizes, projection),
    ...(statistics && { statistics: { widths: statistics.widths, measure: statistics.measure } }),
    apply: (q, k, v, options) => {
      const { causal, keyMask, queryMask, form = "fastest" } = options;
      const projection = requireProjection(options.projection);
      const S = causal ? "L" : "S"; // a causal query must have a key at its own position
      const shapes = {
        q: [q, "B H L D"],
        k: [k, `B H ${S} D`],
        v: [v, `B H ${S} E`],
        projection: [projection, projection.shape.length === 3 ? "H M D" : "M D"],
        ...(keyMask && { keyMask: [keyMask, `B ${S}`] }),
        ...(queryMask && { queryMask: [queryMask, "B L"] }),
      } satisfies Record<string, readonly [Tensor, string]>;
      expectShapes("favorAttention", shapes);
      checkState(map, v.shape, projection.shape.at(-2) ?? 1);
      const given = options.statistics ?? (causal ? undefined : statistics?.measure(q, k, { queryMask, keyMask }));
      const adapted = adapt({ q, k, projection }, given);
      const attend = scheduleFor(form, causal, k.shape[2] ?? 0);
      return attend(adapted.q, adapted.k, v, { map, projection: adapted.projection, keyMask });
    },
    recurrent: recurrentForm(map, adapt),
    ...(statistics === undefined && { summarised: summarisedForm(map) }),
  };
}

/**
 * Refuses more features than there is room for: the state Σ φ(k)[v, 1]ᵀ of all heads is the largest array that grows
 * with them.
 *
 * @param shape of the values, `[B, H, S, E]`
 */
export function checkState(map: FeatureMap, [B = 1, H = 1, , E = 1]: Shape, numFeatures: number): void {
  checkArray("the state of all heads", B * H * (E + 1) * map.featuresPerRow * numFeatures, numFeatures);
}

function missingStatistics(name: string): never {
  throw new GraphError(
    problem`favorAttention: '${name}' must know statistics of the whole sequence and so cannot be causal, got causal
    without frozen ones; measure them on other sequences (measureStatistics) and give them as 'statistics', or use
    'favor'`,
  );
}

/** `favor`, and `favor-` with the name of any other map. */
export type FavorName = "favor" | `favor-${Exclude<FeatureMapName, "positive">}`;

/** A mechanism for every map of the table; the paper's default, positive features, is plain `favor`. */
export const favorMechanisms = Object.fromEntries(
  Object.values(featureMaps).map((map) => {
    const name = map === featureMaps.positive ? "favor" : `favor-${map.name}`;
    return [name, favorMechanism(map, name)];
  }),
) as Readonly<Record<FavorName, AttentionMechanism & Required<Pick<AttentionMechanism, "map" | "recurrent">>>>; // the names that FavorName lists
