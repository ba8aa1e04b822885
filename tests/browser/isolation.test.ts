/** The ground under every browser test: the page is isolated, and the engine runs in it with threads. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserSuite, chromiumPath, openBrowser, type BrowserHarness } from "./harness.ts";

describe.skipIf(chromiumPath === undefined)(browserSuite("an isolated page"), () => {
  let browser: BrowserHarness;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    // Unset when the browser did not start, in which case that is the error to show.
    await browser?.close();
  });

  it("has shared memory and loads the engine", async () => {
    expect(await browser.runInPage("pages/isolation.ts", "pageFacts")).toEqual({
      crossOriginIsolated: true,
      hasSharedArrayBuffer: true,
      engineVersion: "1.30.0",
    });
  });

  it("runs a wasm model with two threads", async () => {
    const argument = { model: negationModel(), x: [2, -3, 5], numThreads: 2 };
    expect(await browser.runInPage("pages/isolation.ts", "runModel", argument)).toEqual({
      y: [-2, 3, -5],
      numThreads: 2,
    });
  });

  it("turns an error in the page into an error of the test", async () => {
    const failing = browser.runInPage("pages/isolation.ts", "fail", { message: "thrown in the page" });
    await expect(failing).rejects.toThrow(/pages\/isolation\.ts fail: .*thrown in the page/);
  });

  it("names the exports there are when one is missing", async () => {
    await expect(browser.runInPage("pages/isolation.ts", "absent")).rejects.toThrow(/export the function absent, has/);
  });
});

/** y = −x for float32 vectors, as ModelProto bytes written by hand: this test depends on nothing above the engine. */
function negationModel(): number[] {
  const bytes = (field: number, content: number[]) => [(field << 3) | 2, content.length, ...content];
  const text = (field: number, value: string) => bytes(field, [...new TextEncoder().encode(value)]);
  const integer = (field: number, value: number) => [field << 3, value];
  const vector = (name: string) => {
    const shape = bytes(2, bytes(1, text(2, "L"))); // one symbolic dimension
    const tensorType = bytes(1, [...integer(1, 1), ...shape]); // element type 1 is float32
    return [...text(1, name), ...bytes(2, tensorType)];
  };
  const node = [...text(1, "x"), ...text(2, "y"), ...text(4, "Neg")];
  const graph = [...bytes(1, node), ...text(2, "negation"), ...bytes(11, vector("x")), ...bytes(12, vector("y"))];
  return [...integer(1, 10), ...bytes(7, graph), ...bytes(8, integer(2, 21))]; // IR 10, opset 21
}
