/**
 * The bundlers that pages are built with, each as it comes: it takes entries and fills a folder, and everything it says
 * is kept.
 */

import { nodeResolve } from "@rollup/plugin-node-resolve";
import { copyFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { build as buildVite, createLogger } from "vite";
import webpack from "webpack";

export interface Build {
  /** The project's folder, with node_modules/. */
  readonly folder: string;
  /** A file of it. */
  readonly entry: string;
  readonly out: string;
  /** The folder's address on the server. */
  readonly base: string;
}

export interface Bundler {
  /** @returns every warning */
  readonly build: (build: Build) => Promise<readonly string[]>;
  /** How a page loads its output. */
  readonly script: "module" | "defer";
}

export const bundlers: Readonly<Record<string, Bundler>> = {
  vite: {
    script: "module",
    build: ({ folder, entry, out, base }) => viteBuild({ folder, entry, out, base }),
  },
  webpack: {
    script: "defer",
    build: ({ folder, entry, out }) =>
      new Promise((resolve, reject) => {
        webpack(
          {
            mode: "production",
            context: folder,
            entry: join(folder, entry),
            output: { path: out, filename: entry },
            // Recommends to make pages smaller than the engine is.
            performance: false,
          },
          (error, stats) => {
            if (error || stats === undefined) return reject(error ?? new Error("webpack gave no stats"));
            const { errors = [], warnings = [] } = stats.toJson({ all: false, errors: true, warnings: true });
            resolve([...errors, ...warnings].map(({ message }) => message));
          },
        );
      }),
  },
  esbuild: {
    script: "module",
    build: async ({ folder, entry, out }) => {
      const { errors, warnings } = await esbuild.build({
        entryPoints: [join(folder, entry)],
        outdir: out,
        bundle: true,
        minify: true,
        format: "esm",
        splitting: true,
        logLevel: "silent",
      });
      copyEngine(folder, out);
      return [...errors, ...warnings].map(({ text }) => text);
    },
  },
  rollup: {
    script: "module",
    build: async ({ folder, entry, out }) => {
      const said: string[] = [];
      await using bundle = await rollup({
        input: join(folder, entry),
        plugins: [nodeResolve({ browser: true })],
        onLog: (level, { code, message }) => {
          // One circle in zod's classic interface, whatever its version.
          const isKnown = code === "CIRCULAR_DEPENDENCY" && message.includes("zod/v4/classic/iso.js");
          if (level === "warn" && !isKnown) said.push(message);
        },
      });
      await bundle.write({
        dir: out,
        format: "es",
        plugins: [{ name: "minify", renderChunk: async (code) => esbuild.transform(code, { minify: true }) }],
      });
      copyEngine(folder, out);
      return said;
    },
  },
};

/** Vite, which also builds the workers of a page. */
export async function viteBuild({
  folder,
  entry,
  out,
  base,
  workerFormat,
}: Build & { readonly workerFormat?: "es" }): Promise<readonly string[]> {
  const said: string[] = [];
  const customLogger = createLogger("warn", { allowClearScreen: false });
  customLogger.warn = customLogger.warnOnce = (message) => void said.push(message);
  await buildVite({
    root: folder,
    base,
    configFile: false,
    customLogger,
    ...(workerFormat && { worker: { format: workerFormat } }),
    build: {
      outDir: out,
      emptyOutDir: true,
      rolldownOptions: {
        input: join(folder, entry),
        output: { entryFileNames: entry },
        // Of the time that a busy machine takes.
        checks: { pluginTimings: false },
      },
    },
  });
  return said;
}

/** Bundlers that know no assets leave the engine's file to be put beside the script. */
function copyEngine(folder: string, out: string): void {
  const engine = dirname(createRequire(join(folder, "package.json")).resolve("onnxruntime-web/wasm"));
  for (const name of readdirSync(engine)) {
    if (name.endsWith(".wasm")) copyFileSync(join(engine, name), join(out, name));
  }
}
