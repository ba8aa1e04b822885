/** How this program is called from where the user stands, for the commands that it suggests. */

import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** `npx performer` where the package is a dependency; in a clone, the program by its path. */
export function performerCommand(): string {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  if (main.split(sep).includes("node_modules")) return "npx performer";
  const nearer = relative(process.cwd(), main);
  return `node ${shellQuoted(nearer.length < main.length ? nearer : main)}`;
}

/** A path as one word of a shell's command line. */
export function shellQuoted(path: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
