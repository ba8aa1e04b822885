/** A benchmark's curves as a file. */

import { dirname } from "node:path";

import { createFolder, writeFileAtomically } from "../storage/files.ts";
import type { CurvePoint } from "./curves.ts";

/** @throws StorageError when it cannot be written */
export async function writeFigure(path: string, label: string, points: readonly CurvePoint[]): Promise<void> {
  // Loaded when it is needed: plots and a document cost every other command a third of a second.
  const [{ drawCurves }, { renderSvgFile }] = await Promise.all([
    import("./figure.ts"),
    import("../views/svg-file.ts"),
  ]);
  const picture = renderSvgFile(drawCurves(label, points));
  await createFolder(dirname(path));
  await writeFileAtomically(path, picture);
}
