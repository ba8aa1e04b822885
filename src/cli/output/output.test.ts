import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { printJson } from "./json.ts";
import { createProgress } from "./progress.ts";
import { nearestName } from "../../graph/nearest-name.ts";
import { formatTable } from "../../text/table.ts";

function recorder(isTTY: boolean) {
  const stream = new PassThrough();
  const text = () => String(stream.read() ?? "");
  return { stream: Object.assign(stream, { isTTY, columns: 120 }), text };
}

describe("progress", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("elsewhere than on a terminal is a first line, one every five seconds, and a last", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ label: "train", total: 130, stream });
    for (let step = 1; step <= 130; step++) {
      vi.advanceTimersByTime(100);
      progress.update(step, { loss: 2.534_567, "tokens/s": 3021 });
    }
    progress.stop();
    progress.stop();
    expect(text().trimEnd().split("\n")).toEqual([
      "train 1/130 (0 %) · 0.1 s, 13 s left · loss 2.535 · tokens/s 3,021",
      "train 51/130 (39 %) · 5.1 s, 7.9 s left · loss 2.535 · tokens/s 3,021",
      "train 101/130 (77 %) · 10 s, 2.9 s left · loss 2.535 · tokens/s 3,021",
      "train 130/130 (100 %) · 13 s · loss 2.535 · tokens/s 3,021",
    ]);
  });

  test("on a dumb terminal is plain lines, without a bar and without moving the cursor", () => {
    vi.stubEnv("TERM", "dumb");
    const { stream, text } = recorder(true);
    const progress = createProgress({ label: "train", total: 2, stream });
    progress.update(2);
    progress.stop();
    vi.unstubAllEnvs();
    expect(text()).toBe("train 2/2 (100 %) · 0.0 s\n");
  });

  test("of a resumed run estimates the time left from the steps since then", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ label: "train", unit: "steps", total: 1000, start: 900, stream });
    vi.advanceTimersByTime(20_000);
    progress.update(910);
    expect(text()).toBe("train 910/1,000 steps (91 %) · 20 s, 3 min 0 s left\n");
    progress.stop();
    expect(text()).toBe("");
  });

  test("on a terminal is a bar that redraws in place, under the lines that were logged", () => {
    const { stream, text } = recorder(true);
    const progress = createProgress({ label: "train", total: 200, stream });
    progress.update(50, { loss: 2.5 });
    vi.advanceTimersByTime(1000);
    expect(text()).toContain(`train ${"█".repeat(6)}${"░".repeat(18)} 50/200 (25 %) · 1.0 s, 3.0 s left · loss 2.5`);
    progress.log("checkpoint written");
    progress.update(200);
    progress.stop();
    const rest = text();
    expect(rest).toContain("checkpoint written\n");
    expect(rest).toContain(`${"█".repeat(24)} 200/200 (100 %)`);
    expect(rest.indexOf("checkpoint written")).toBeLessThan(rest.indexOf("200/200"));
    expect(vi.getTimerCount()).toBe(0);
  });

  test("writes a log on a terminal before the first update and after the last", () => {
    const { stream, text } = recorder(true);
    const progress = createProgress({ label: "train", total: 2, stream });
    progress.log("before");
    progress.stop();
    progress.stop();
    progress.log("after");
    progress.update(1);
    expect(text()).toBe("before\nafter\n");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("towards an unknown end tells what is done, and how fast", () => {
    const { stream, text } = recorder(false);
    const progress = createProgress({ label: "score", unit: "residues", stream });
    vi.advanceTimersByTime(2000);
    progress.update(1500, { "residues/s": 750 });
    progress.stop();
    expect(text()).toBe("score 1,500 residues · 2.0 s · residues/s 750\n");
  });

  test("that never began writes nothing and leaves no timer", () => {
    const { stream, text } = recorder(true);
    createProgress({ label: "train", total: 2, stream }).stop();
    expect(text()).toBe("");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("writes nothing when quiet", () => {
    const { stream, text } = recorder(true);
    const progress = createProgress({ label: "train", total: 2, stream, quiet: true });
    progress.update(1);
    progress.log("line");
    progress.stop();
    expect(text()).toBe("");
  });
});

describe("printJson", () => {
  test("writes one document that holds typed arrays as lists", async () => {
    const { stream, text } = recorder(false);
    await printJson(
      { loss: new Float32Array([0.5, Number.NaN]), ids: new BigInt64Array([7n]), big: 2n ** 60n },
      stream,
    );
    const written = text();
    expect(written.endsWith("}\n")).toBe(true);
    expect(JSON.parse(written)).toEqual({ loss: [0.5, null], ids: [7], big: "1152921504606846976" });
  });

  test("refuses what is no JSON", async () => {
    await expect(printJson(undefined, recorder(false).stream)).rejects.toThrow(/a JSON value is needed, got undefined/);
  });
});

describe("formatTable", () => {
  test("lines numbers up on the right and text on the left", () => {
    expect(
      formatTable(
        ["split", "perplexity", "note"],
        [
          ["test", 12.3, "≈"],
          ["ood", 7, "longer"],
        ],
      ),
    ).toBe(
      [
        "split  perplexity  note",
        "─────  ──────────  ──────",
        "test         12.3  ≈",
        "ood             7  longer",
      ].join("\n"),
    );
  });

  test("refuses a row of another length", () => {
    expect(() => formatTable(["a", "b"], [["1"]])).toThrow(/every row needs 2 cells, got 1 in row 0/);
  });
});

test("nearestName finds slips, other spellings and parts of names, and is silent about other words", () => {
  const keys = ["numHeads", "headDim", "numFeatures", "learningRate", "seed"];
  expect(nearestName("num_heads", keys)).toBe("numHeads");
  expect(nearestName("numHaeds", keys)).toBe("numHeads");
  expect(nearestName("learning-rat", keys)).toBe("learningRate");
  expect(nearestName("seeds", keys)).toBe("seed");
  expect(nearestName("features", keys)).toBe("numFeatures");
  expect(nearestName("dropout", keys)).toBeUndefined();
  expect(nearestName("lr", keys)).toBeUndefined();
  expect(nearestName("x", [])).toBeUndefined();
});
