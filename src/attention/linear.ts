/** The linear transformer: attention with the features elu + 1, in place of the exponential. */
import { eluPlusOne } from "./favor/maps/generalized.ts";
import { rowFeaturesMechanism } from "./favor/row-features.ts";

/**
 * out_t = Σ_s φ(q_t)·φ(k_s) v_s / Σ_s φ(q_t)·φ(k_s) with φ(x) = elu(x) + 1.
 *
 * Source: equations 5 and 7, arXiv:2006.16236.
 */
export const linear = rowFeaturesMechanism({
  name: "linear",
  summary: "the linear transformer: features elu(x) + 1 without a projection",
  features: eluPlusOne,
});
