/** A page's own storage does what the disk does, and finishes what a page that went away had begun. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import * as node from "../../src/files/node.ts";
import * as web from "../../src/files/web.ts";
import { browserSuite, chromiumPath, openBrowser, type BrowserHarness } from "./harness.ts";
import { fileCases } from "./pages/files.ts";

it("offers the same in Node and in browsers", () => {
  expect(Object.keys(web).toSorted()).toEqual(Object.keys(node).toSorted());
  expect(Object.keys(web.files).toSorted()).toEqual(Object.keys(node.files).toSorted());
});

describe.skipIf(chromiumPath === undefined)(browserSuite("files in a page"), () => {
  const root = mkdtempSync(join(tmpdir(), "performer-files-"));
  let browser: BrowserHarness;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    // Unset when the browser did not start, in which case that is the error to show.
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it("finishes the renaming of a folder that was interrupted", async () => {
    expect(await browser.runInPage("pages/files.ts", "interruptedRename")).toEqual([["new"], ["left", "moved"], []]);
  });

  it("answers as the disk does", async () => {
    const onDisk = JSON.parse(JSON.stringify(await fileCases({ root })));
    expect(await browser.runInPage("pages/files.ts", "fileCases", { root: "cases" })).toEqual({
      ...onDisk,
    });
  });
});
