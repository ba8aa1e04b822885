/** ONNX Runtime's native half: whether it is there, and loading it. */
import { problem } from "../graph/errors.ts";
import { createRequire } from "node:module";
import { env } from "onnxruntime-common";
import { RuntimeError, type Device } from "./backend.ts";
import { disableTelemetry } from "./node-telemetry.ts";
import type { Engine } from "./session.ts";

const require = createRequire(import.meta.url);

/**
 * Why the native engine cannot be loaded; undefined where it can. It is an optional dependency, and has no build for
 * some systems.
 */
export function nativeEngineProblem(): string | undefined {
  return (checked ??= check()).problem;
}

let checked: { readonly problem: string | undefined } | undefined;

function check(): { readonly problem: string | undefined } {
  try {
    // Loading is the only test that also finds a missing system library. The engine reads its environment later, with
    // its first session.
    require("onnxruntime-node");
    return { problem: undefined };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isAbsent = reason.startsWith("Cannot find module 'onnxruntime-node'");
    return { problem: isAbsent ? "is not installed" : `cannot be loaded (${reason.split("\n")[0]})` };
  }
}

/**
 * The command that installs the native engine. Without the variable its install script downloads CUDA libraries on
 * Linux.
 */
export function installCommand(): string {
  const variable = process.platform === "linux" ? "ONNXRUNTIME_NODE_INSTALL=skip " : "";
  // All parts of the engine have the same version.
  return `${variable}npm install onnxruntime-node@${env.versions.common}`;
}

/** @throws RuntimeError where the native engine cannot be loaded */
export async function loadNativeEngine(device: Device): Promise<Engine> {
  const reason = nativeEngineProblem();
  if (reason !== undefined) {
    throw new RuntimeError(
      problem`compile: device '${device}' needs ONNX Runtime's native engine, and onnxruntime-node ${reason}; install
      it with ${installCommand()}, or use device 'wasm'`,
    );
  }
  await disableTelemetry();
  return import("onnxruntime-node");
}
