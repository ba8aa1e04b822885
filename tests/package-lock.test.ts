/** The lock file must install on every platform: `npm ci` refuses one that lacks a platform's optional package. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface LockedPackage {
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock: { readonly packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
  readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"),
);
const installed = Object.entries(lock.packages).filter(([path]) => path !== "");

it("holds the optional packages of every platform", () => {
  const optional = installed.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
  expect(optional.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
});

it("holds a digest of every package", () => {
  expect(installed.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).toEqual([]);
});
