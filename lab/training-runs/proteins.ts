/** Settings of all claims about training on proteins, so that their results can be laid side by side. */

/** A batch of eight or so proteins; the rate at which the recipe `demo` trains. */
export const TRAINING = { tokensPerBatch: 2048, learningRate: 1e-3 } as const;

/** For quick runs, which show that a claim can be run and not whether it holds: 16 features for heads of 16. */
export const QUICK_MODEL = { numLayers: 1, modelDim: 32, numHeads: 2, mlpDim: 64, numFeatures: 16 } as const;
