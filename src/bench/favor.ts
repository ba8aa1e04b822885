/** Linear attention itself: a contender for every feature map, and the products that it cannot do without. */

import { CAUSAL_CHUNK } from "../attention/favor/causal-scan.ts";
import { favorMechanisms, type FavorName } from "../attention/favor/favor.ts";
import { full } from "../ops/source.ts";
import { headShapes, outputsOf, type AttentionCase, type Prepare } from "./contender.ts";
import type { Contender } from "./measure.ts";
import { productBounds } from "./products.ts";

/** Mechanisms of linear cost, whose products are the bound. */
export type BenchMechanism = FavorName;
export const benchMechanisms = Object.keys(favorMechanisms) as readonly BenchMechanism[]; // the table's own keys

export const boundNames = { batched: "bound", loop: "loop bound" } as const;

/** Rows of the projection that give as many features as asked: half of them for maps with two features a row. */
function rowsFor(mechanism: BenchMechanism, numFeatures: number): number {
  return Math.max(1, Math.round(numFeatures / favorMechanisms[mechanism].map.featuresPerRow));
}

/** Features a token really has. */
export function featuresPerToken(mechanism: BenchMechanism, numFeatures: number): number {
  return rowsFor(mechanism, numFeatures) * favorMechanisms[mechanism].map.featuresPerRow;
}

export function favorContender(prepare: Prepare, mechanism: BenchMechanism, each: AttentionCase): Promise<Contender> {
  const { causal, pass, numHeads, headDim, numFeatures } = each;
  const { apply, statistics } = favorMechanisms[mechanism];
  return prepare(
    mechanism,
    ({ q, k, v, dOut, projection }) => {
      const widths = Object.entries(causal ? (statistics?.widths(headDim) ?? {}) : {});
      const frozen = Object.fromEntries(widths.map(([name, width]) => [name, full([1, numHeads, 1, width], 1)]));
      const out = apply(q, k, v, { causal, projection, ...(widths.length > 0 && { statistics: frozen }) });
      return outputsOf(pass, out, { q, k, v, dOut });
    },
    { ...headShapes(each), projection: [rowsFor(mechanism, numFeatures), headDim] },
  );
}

/** The products alone, in the arrangements there are. */
export async function boundContenders(prepare: Prepare, each: AttentionCase): Promise<readonly Contender[]> {
  const { causal, pass, numHeads, headDim, numFeatures, seqLen } = each;
  // The products of a last chunk that is not full count as a whole one, as they do in attention itself.
  const length = causal ? Math.ceil(seqLen / CAUSAL_CHUNK) * CAUSAL_CHUNK : seqLen;
  const features = [numHeads, length, headDim];
  const values = [numHeads, length, headDim + 1];
  const shapes = { q: features, k: features, v: values, dU: values, projection: [numFeatures, headDim] };
  const { batched, loop } = productBounds(causal, pass, numHeads * length * numFeatures);
  return Promise.all([
    ...(batched === undefined ? [] : [prepare(boundNames.batched, batched, shapes)]),
    prepare(boundNames.loop, loop, shapes),
  ]);
}
