/** The hub in browsers, over its HTTP interface: its library is made for Node, and bundlers stumble over it. */
import type { HubClient, HubFile } from "./files.ts";

export const hub: HubClient = {
  list: async (name, endpoint) => {
    const model = `${endpoint}/api/models/${name}`;
    const { sha: commit }: { sha: string } = await (await ask(`${model}/revision/main`)).json();
    const files: HubFile[] = [];
    for (let page: string | undefined = `${model}/tree/${commit}?recursive=true`; page !== undefined;) {
      const response = await ask(page);
      const entries: readonly TreeEntry[] = await response.json();
      for (const { type, path, size, oid, lfs } of entries) {
        if (type !== "file") continue;
        files.push({
          path,
          size,
          ...(lfs ? { digest: lfs.oid, algorithm: "sha256" } : { digest: oid, algorithm: "git" }),
        });
      }
      // A long list comes in pages.
      page = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
    }
    return { commit, files };
  },
  open: async ({ name, endpoint, commit, path }) => {
    const escaped = path.split("/").map(encodeURIComponent).join("/");
    return (await ask(`${endpoint}/${name}/resolve/${commit}/${escaped}`)).body ?? undefined;
  },
};

/** An entry of a list of files; what it holds is checked by who asked for it. */
interface TreeEntry {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid: string;
  readonly lfs?: { readonly oid: string };
}

async function ask(url: string): Promise<Response> {
  const response = await fetch(url);
  if (response.ok) return response;
  throw Object.assign(new Error(`status ${response.status} for ${url}`), { statusCode: response.status });
}
