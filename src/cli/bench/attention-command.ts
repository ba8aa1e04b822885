/** `performer bench attention`: its options, and what it prints. */

import type { Command } from "commander";

import { benchAttention } from "../../bench/attention.ts";
import { attentionCurves } from "../../bench/curves.ts";
import { LONGEST_EXACT } from "../../bench/exact.ts";
import { benchMechanisms } from "../../bench/favor.ts";
import { attentionBenchSettings, peerChoices, type AttentionBenchOptions } from "../../bench/settings.ts";
import { formatAttentionBench } from "../../bench/tables.ts";
import { positiveInteger } from "../verb.ts";
import {
  addCaseOptions,
  addSizeOptions,
  addThreadsOption,
  createBench,
  showBench,
  type ShownOptions,
} from "./options.ts";

const NOTES = `
Everything runs in turn, round by round, and medians are compared. 'bound' is the time of the matrix
products of linear attention alone, each of them once, as plain products in one graph; 'loop bound'
that of the same products in the loops that attention uses, whose operands stay in the cache
(backward, features are computed again there).

Exact attention is left out above ${LONGEST_EXACT} tokens. Forward it is the engine's fused op. That
op has no gradient: for forward+backward, 'exact' keeps all L × L matrices while they fit, 'exact
(in chunks)' computes them again chunk by chunk as FlashAttention does, and 'exact (fused), forward
alone' is a lower bound; 'faster' compares with the faster of the first two.

Peers are the engine's LinearAttention op ('engine': causal, forward), TensorFlow.js on wasm
(bidirectional, forward; one thread in Node), PyTorch with performer-pytorch, and this package's own
favor on the engine's WebAssembly half ('wasm'). tfjs and python are measured where you have
installed them, and skipped in one line where not. 'all' leaves wasm out, whose threads disturb the
others. What is slow is measured in fewer rounds.

All feature maps get as many features a token ('over positive' compares them with favor): those with
two a row of the projection get half the rows. From three lengths on, 'scaling' is the slope of log
time over log length.`;

export function attentionBenchCommand(): Command {
  const command = createBench({
    name: "attention",
    summary: "Measure attention beside its matrix products alone, exact attention and its peers.",
    examples: [
      ["bench attention", "forward, both directions, 4,096 and 16,384 tokens: a minute or two"],
      ["bench attention --pass both --lengths 4096", "the backward pass too"],
      ["bench attention --direction causal --lengths 65536", "a long sequence"],
      ["bench attention --mechanisms favor,favor-relu", "two feature maps"],
      ["bench attention --mechanisms all --lengths 4096 --no-exact --peers none", "every feature map"],
      ["bench attention --pass both --peers wasm", "how much slower WebAssembly is than the native engine"],
      ["bench attention --lengths 1024,4096,16384 --svg time.svg", "how it scales, as a figure"],
      ["bench attention --json", "the figures as JSON"],
    ],
    notes: NOTES,
  });
  return addThreadsOption(
    addSizeOptions(addCaseOptions(command, { pass: "forward", direction: "both" }))
      .option("--lengths <list>", "tokens in the sequence", "4096,16384")
      .option("--mechanisms <list>", `all, or which of ${benchMechanisms.join(", ")}`, "favor")
      .option("--rounds <count>", "how often everything runs in turn", positiveInteger, 7),
  )
    .option("--no-exact", "leave exact attention out")
    .option("--peers <list>", `all, none, or which of ${peerChoices.join(", ")}`, "all")
    .option("--python <program>", "the Python to look for torch in", "python3")
    .option("--svg <file>", "draw time over length, both logarithmic")
    .action((options: AttentionBenchOptions & ShownOptions) =>
      showBench(options, (context) => benchAttention(attentionBenchSettings(options), context), {
        format: formatAttentionBench,
        figure: { label: "Time of attention by length", curves: ({ rows }) => attentionCurves(rows) },
      }),
    );
}
