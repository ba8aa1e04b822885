/**
 * A cross-origin isolated page in the system's Chromium that runs modules of this repository, served by Vite as they
 * are.
 */

import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { createLogger, createServer, type Plugin, type ViteDevServer } from "vite";
import { findChromium } from "../../scripts/chromium.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The program that drives the page; undefined on a machine without Chromium, where browser tests are skipped. */
export const chromiumPath = findChromium();

/** The name of a browser test's `describe` block, which says why it is skipped when it is. */
export function browserSuite(name: string): string {
  return chromiumPath === undefined ? `${name} (skipped: no Chromium found; install it or set CHROMIUM_PATH)` : name;
}

/** JSON and nothing else crosses between a test and its page. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface BrowserHarness {
  /**
   * Imports a module in the page, calls one of its exports and returns what its promise resolves to.
   *
   * @param modulePath from tests/browser/, such as "pages/isolation.ts"
   * @param exportName an exported async function of one argument
   * @param argument a JSON value
   * @throws Error when the module does not load, the function throws, or anything else in the page fails meanwhile
   */
  runInPage(modulePath: string, exportName: string, argument?: Json): Promise<unknown>;
  close(): Promise<void>;
}

/** Threads in WebAssembly need SharedArrayBuffer, which browsers give to isolated pages only. */
const isolationHeaders = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const chromiumArguments = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a server, a browser and a blank page.
 *
 * @throws Error when there is no Chromium; guard the tests with `describe.skipIf(chromiumPath === undefined)`
 */
export async function openBrowser(): Promise<BrowserHarness> {
  if (chromiumPath === undefined) {
    throw new Error("openBrowser: Chromium is needed, found none; install it or set CHROMIUM_PATH to the program.");
  }
  const serverErrors: string[] = [];
  const server = await startServer(serverErrors);
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
    const page = await browser.newPage();
    await page.goto(new URL("/blank.html", originOf(server)).href);
    return harness(server, browser, page, serverErrors);
  } catch (error) {
    await browser?.close();
    await server.close();
    throw error;
  }
}

function harness(server: ViteDevServer, browser: Browser, page: Page, serverErrors: string[]): BrowserHarness {
  const pageErrors: string[] = [];
  page.on("pageerror", (error) => pageErrors.push(error.stack ?? error.message));
  page.on("crash", () => pageErrors.push("the page crashed"));

  return {
    async runInPage(modulePath, exportName, argument = null) {
      pageErrors.length = 0;
      serverErrors.length = 0;
      const call = { url: `/tests/browser/${modulePath}`, exportName, argument };
      const who = `runInPage: ${modulePath} ${exportName}`;
      let result: unknown;
      try {
        result = await page.evaluate(`callExport(${JSON.stringify(call)})`);
      } catch (error) {
        const details = [error instanceof Error ? error.message : String(error), ...serverErrors, ...pageErrors];
        throw new Error(`${who}: ${details.join("\n")}`, { cause: error });
      }
      if (pageErrors.length > 0) throw new Error(`${who}: an error in the page: ${pageErrors.join("\n")}`);
      return result;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** Runs inside the page. Kept as text, because Vitest rewrites every `import()` that it sees. */
const callExport = `
// The browser remembers 250 resources unless told otherwise, and the package has more modules than that.
performance.setResourceTimingBufferSize(10000);
globalThis.callExport = async ({ url, exportName, argument }) => {
  const module = await import(url);
  if (typeof module[exportName] !== "function") {
    throw new Error(\`\${url} must export the function \${exportName}, has \${Object.keys(module).join(", ")}\`);
  }
  return module[exportName](argument);
};`;

async function startServer(errors: string[]): Promise<ViteDevServer> {
  const logger = createLogger("error", { allowClearScreen: false });
  logger.error = (message) => void errors.push(message);
  const server = await createServer({
    root,
    configFile: false,
    appType: "custom",
    cacheDir: "node_modules/.vite-browser-tests",
    customLogger: logger,
    plugins: [blankPage],
    resolve: {
      alias: [
        { find: "#engine", replacement: `${root}src/runtime/web.ts` },
        { find: "#files", replacement: `${root}src/files/web.ts` },
        { find: /^performer-ts$/, replacement: `${root}src/index.ts` },
        { find: /^performer-ts\/(.+)$/, replacement: `${root}src/$1/index.ts` },
      ],
    },
    server: { host: "127.0.0.1", port: 0, headers: isolationHeaders, hmr: false, ws: false, watch: null },
    optimizeDeps: {
      // Found in advance, because a library found later makes Vite reload the page in the middle of a test.
      noDiscovery: true,
      include: ["fastest-levenshtein"],
      // The engine finds its .wasm files and its threads beside its own module, so it is served from where it lies.
      exclude: ["onnxruntime-web"],
    },
  });
  await server.listen();
  return server;
}

const blankPage: Plugin = {
  name: "blank-page",
  configureServer(server) {
    server.middlewares.use("/blank.html", (_request, response) => {
      for (const [name, value] of Object.entries(isolationHeaders)) response.setHeader(name, value);
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(
        `<!doctype html><html lang="en"><title>performer-ts tests</title><script>${callExport}</script></html>`,
      );
    });
  },
};

function originOf(server: ViteDevServer): string {
  const [origin] = server.resolvedUrls?.local ?? [];
  if (origin === undefined) throw new Error("openBrowser: the test server reported no address.");
  return origin;
}
