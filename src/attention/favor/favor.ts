/** FAVOR+ as attention mechanisms: one for each feature map. */
import { expectShapes } from "../../graph/expect-shapes.ts";
import { GraphError } from "../../graph/errors.ts";
import { ndarray } from "../../graph/ndarray.ts";
import { gaussianOrthogonalMatrix } from "../../random/index.ts";
import type { AttentionMechanism } from "../mechanism.ts";
import { bidirectionalScan } from "./bidirectional.ts";
import { causalScan } from "./causal-scan.ts";
import { bidirectionalParallel, causalParallel } from "./parallel.ts";
import { positiveFeatures, reluFeatures, type FeatureMap } from "./feature-maps.ts";
import { recurrentForm } from "./recurrent.ts";

const forms = {
  scan: { causal: causalScan, bidirectional: bidirectionalScan },
  parallel: { causal: causalParallel, bidirectional: bidirectionalParallel },
} as const;

/** The number of features that the theory asks for up to constants: Θ(d log d), Theorem 4 of arXiv:2009.14794. */
export function defaultNumFeatures(headDim: number): number {
  return Math.max(1, Math.round(headDim * Math.log(headDim)));
}

/** Linear attention with the given feature map. */
export function favorMechanism(name: string, summary: string, map: FeatureMap): AttentionMechanism {
  return {
    name,
    summary,
    initialise: (random, { headDim, numFeatures }) => {
      if (!Number.isInteger(numFeatures) || numFeatures < 1) {
        throw new GraphError(
          `favorAttention: numFeatures must be a positive integer, got ${numFeatures}; ` +
            `omit it to use round(headDim · ln headDim) = ${defaultNumFeatures(headDim)}`,
        );
      }
      const rows = gaussianOrthogonalMatrix({ numFeatures, headDim, random, rowLengths: "chi" });
      return { projection: ndarray(rows, [numFeatures, headDim]) };
    },
    apply: (q, k, v, { causal, keyMask, projection, form = "scan" }) => {
      if (projection === undefined) {
        throw new GraphError("favorAttention: projection must be given, got nothing; draw one with initialise()");
      }
      const S = causal ? "L" : "S"; // a causal query must have a key at its own position
      const shapes = {
        q: [q, "B H L D"],
        k: [k, `B H ${S} D`],
        v: [v, `B H ${S} E`],
        projection: [projection, "M D"],
      } as const;
      expectShapes("favorAttention", keyMask ? { ...shapes, keyMask: [keyMask, `B ${S}`] } : shapes);
      return forms[form][causal ? "causal" : "bidirectional"](q, k, v, { map, projection, keyMask });
    },
    recurrent: recurrentForm(map),
  };
}

/** FAVOR+ with positive orthogonal features: approximates softmax attention. */
export const favor = favorMechanism(
  "favor",
  "FAVOR+, positive orthogonal features: approximates softmax",
  positiveFeatures,
);

/** Generalized attention with ReLU features, the paper's best on proteins. */
export const favorRelu = favorMechanism("favor-relu", "FAVOR+ with ReLU features (Performer-ReLU)", reluFeatures());
