/** Mechanisms that say their wholeBlocks: the same nodes for any number of blocks. */

import { describe, expect, it } from "vitest";

import { createMechanism, type MechanismChoice } from "../../src/attention/choice.ts";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { mixedHeads } from "../../src/attention/mixed-heads.ts";
import { nodesInOrder } from "../../src/graph/graph.ts";
import { blockLengthOf } from "../../src/attention/whole-blocks.ts";
import { declared, inputsAt, MAX_SEQ_LEN, outputAt } from "./block-length.ts";

describe.each(declared)("$name, in blocks", ({ mechanism, blockLength }) => {
  it("has the same nodes for any number of blocks", () => {
    // Of no blocks, any length but 1, where some fall away.
    const counts = blockLength === 1 ? [2, 13, MAX_SEQ_LEN] : [1, 2, 3, Math.floor(MAX_SEQ_LEN / blockLength)];
    const nodes = counts.map((count) => {
      const length = count * blockLength;
      const y = outputAt(mechanism, inputsAt(mechanism, length).tensors, { length, padded: length, blockLength });
      return nodesInOrder([y]).map(({ op }) => op.name);
    });
    for (const names of nodes) expect(names).toEqual(nodes[0]);
  });
});

describe("whole blocks", () => {
  it("are left out by those whose nodes or outputs follow the length", () => {
    const names = Object.entries<AttentionMechanism>(mechanisms).filter(
      ([, { wholeBlocks }]) => wholeBlocks === undefined,
    );
    expect(names.map(([name]) => name)).toEqual([
      "auto",
      "nystrom",
      "bigbird",
      "transformer-xl",
      "graph",
      "gat",
      "reformer",
      "routing",
    ]);
  });

  it("of heads of several kinds are whole strides of each, no shorter than any needs, and none where a part has none", () => {
    const of = (...names: readonly MechanismChoice[]) => {
      const parts = names.map((choice) => ({ mechanism: createMechanism(choice), numHeads: 1 }));
      const { wholeBlocks } = mixedHeads(parts);
      return wholeBlocks && blockLengthOf(wholeBlocks);
    };
    expect(of("local", "favor", "longformer")).toBe(64);
    expect(of("exact", "linear")).toBe(1);
    expect(of("longformer", { name: "sparse-strided", stride: 12 }, { name: "sparse-fixed", stride: 18 })).toBe(72);
    expect(of("local", "nystrom")).toBeUndefined();
  });

  it("that is no whole number of strides is refused", () => {
    const { tensors } = inputsAt(mechanisms.exact, 14);
    const strided = createMechanism({ name: "sparse-strided", stride: 4 });
    expect(() => outputAt(strided, tensors, { length: 14, padded: 14, blockLength: 7 })).toThrow(
      "must be whole strides of 4 positions, got 7",
    );
  });
});
