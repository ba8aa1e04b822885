/** What must hold to the bit for feature maps: no future leaks, and chunked equals recurrent. */
import { favorMechanisms } from "../../src/attention/favor/favor.ts";
import { describeCausality } from "./causality.ts";

/** One of every kind of features, of two features a row, and of frozen statistics. */
const { favor, "favor-relu": relu, "favor-hyperbolic": hyperbolic, "favor-saderf": saderf } = favorMechanisms;
const trigonometric = favorMechanisms["favor-trigonometric"];

for (const mechanism of [favor, relu, hyperbolic, saderf, trigonometric]) {
  describeCausality(mechanism, {
    cuts: mechanism === favor ? [1, 63, 64, 97, 150] : [64, 97],
    // Features of either sign: a short way from the origin, where denominators stay away from 0 and rounding shows
    // more.
    ...(!mechanism.map.positive && { near: { scale: 0.2, mean: 0.7 }, tolerance: 1e-3 }),
  });
}
