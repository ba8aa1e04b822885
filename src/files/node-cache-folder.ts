/** Where what can be made or fetched again is kept: packed sequences, models of the hub. */

import { homedir } from "node:os";
import { join } from "node:path";
import { env, platform } from "node:process";

/** The folder that PERFORMER_CACHE names, else `performer` in the operating system's folder for caches. */
export function defaultCacheFolder(): string {
  const named = env["PERFORMER_CACHE"];
  if (named !== undefined && named !== "") return named;
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "performer", "Cache");
  }
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "performer");
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".cache"), "performer");
}
