/**
 * Builds dist/ once before the slow tests, where the source has changed since: files that run beside one another must
 * not each do it.
 */
import { build, isBuilt } from "../scripts/build.mjs";

export async function setup(): Promise<void> {
  if (isBuilt()) return;
  if ((await build()) !== 0) throw new Error("the build failed; its errors are above");
}
