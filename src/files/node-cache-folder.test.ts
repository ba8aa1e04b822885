import { afterEach, expect, test, vi } from "vitest";

import { defaultCacheFolder } from "./node-cache-folder.ts";

afterEach(() => vi.unstubAllEnvs());

test("the cache lies where PERFORMER_CACHE says, else in the system's folder", () => {
  vi.stubEnv("PERFORMER_CACHE", "/some/where");
  expect(defaultCacheFolder()).toBe("/some/where");
  vi.stubEnv("PERFORMER_CACHE", "");
  expect(defaultCacheFolder()).toMatch(/performer/);
});
