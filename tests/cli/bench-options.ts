/**
 * What `performer bench attention` is asked for in tests: two mechanisms, everything about them, as small as it gets.
 */
export const attentionOptions = {
  lengths: "128",
  mechanisms: "favor,favor-relu",
  rounds: 2,
  pass: "both",
  direction: "both",
  heads: 2,
  headDim: 5,
  features: 7,
  threads: 1,
  exact: true,
  peers: "none",
  python: "python3",
} as const;
