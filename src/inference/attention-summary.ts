/** An attention map in a few numbers: how spread it is, how far it reaches, whom it looks at. */
import type { AttentionMap, AttentionMaps } from "./attention-maps.ts";

/** A query and a key that stand out. Tokens are counted from 0. */
export interface AttentionPartner {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  /** The weight over that of a query that sees all its keys alike. */
  readonly timesUniform: number;
}

export interface HeadSummary {
  readonly layer: number;
  readonly head: number;
  readonly mechanism: string;
  /** Mean over queries of −Σ A ln A. */
  readonly entropyNats: number;
  /** Mean over queries of their entropy over the largest one, ln of the keys they see: 1 is uniform, 0 is one key. */
  readonly entropyShare: number;
  /** Mean of |i − j| over queries i and keys j, each pair with its weight. */
  readonly meanDistance: number;
  /** Share of the attention that special tokens receive. */
  readonly toSpecials: number;
  /** The smallest weight: below 0 for mechanisms whose weights have signs. */
  readonly leastWeight: number;
  /** The pairs of different tokens with the largest weights over uniform. */
  readonly topPartners: readonly AttentionPartner[];
}

export interface SummaryOptions {
  /** Special tokens around a protein or text: neither queries nor partners. */
  readonly specials: readonly number[];
  /** Default 5. */
  readonly partners?: number;
}

/** How many keys a query sees. */
export function visibleKeys({ causal, length }: Pick<AttentionMaps, "causal" | "length">, query: number): number {
  return causal ? query + 1 : length;
}

/** Weights below 0 count as 0 in entropies and distances. */
export function summariseMap(
  { layer, head, mechanism, weights }: AttentionMap,
  { length, causal }: Pick<AttentionMaps, "causal" | "length">,
  { specials, partners = 5 }: SummaryOptions,
): HeadSummary {
  const isSpecial = Array.from({ length }, (_, token) => specials.includes(token));
  let [entropies, shares, sharing, distances, reached, special, received, least] = [0, 0, 0, 0, 0, 0, 0, 0];
  const top: AttentionPartner[] = [];
  for (let query = 0; query < length; query++) {
    if (isSpecial[query] === true) continue;
    const visible = visibleKeys({ causal, length }, query);
    let [sum, logs] = [0, 0];
    for (let key = 0; key < visible; key++) {
      const signed = weights[query * length + key] ?? 0;
      least = Math.min(least, signed);
      const weight = Math.max(0, signed);
      sum += weight;
      if (weight > 0) logs += weight * Math.log(weight);
      if (isSpecial[key] === true) {
        special += weight;
        continue;
      }
      distances += weight * Math.abs(query - key);
      reached += weight;
      if (query !== key) keepLargest(top, { query, key, weight, timesUniform: weight * visible }, partners);
    }
    received += sum;
    // Of weights that are brought to a sum of 1.
    const entropy = sum > 0 ? Math.log(sum) - logs / sum : 0;
    entropies += entropy;
    if (visible > 1) {
      shares += entropy / Math.log(visible);
      sharing += 1;
    }
  }
  const queries = Math.max(1, isSpecial.filter((each) => !each).length);
  return {
    layer,
    head,
    mechanism,
    entropyNats: entropies / queries,
    entropyShare: shares / Math.max(1, sharing),
    meanDistance: reached > 0 ? distances / reached : 0,
    toSpecials: received > 0 ? special / received : 0,
    leastWeight: least,
    topPartners: top,
  };
}

/** A short list, the largest first. */
function keepLargest(top: AttentionPartner[], candidate: AttentionPartner, most: number): void {
  if (top.length >= most && candidate.timesUniform <= (top.at(-1)?.timesUniform ?? 0)) return;
  const place = top.findIndex(({ timesUniform }) => timesUniform < candidate.timesUniform);
  top.splice(place < 0 ? top.length : place, 0, candidate);
  if (top.length > most) top.pop();
}
