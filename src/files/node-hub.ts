/** The hub in Node, by its own library, which also follows its storage (ranges, Xet). */
import type { HubClient, HubFile } from "./files.ts";

// Loaded on use: it is large, and most programs have their models in folders.
export const hub: HubClient = {
  list: async (name, endpoint) => {
    const { listFiles, modelInfo } = await import("@huggingface/hub");
    const { sha: commit } = await modelInfo({ name, hubUrl: endpoint, revision: "main", additionalFields: ["sha"] });
    const files: HubFile[] = [];
    for await (const { type, path, size, oid = "", lfs } of listFiles({
      repo: name,
      hubUrl: endpoint,
      revision: commit,
      recursive: true,
    })) {
      if (type !== "file") continue;
      files.push({
        path,
        size,
        ...(lfs ? { digest: lfs.oid, algorithm: "sha256" } : { digest: oid, algorithm: "git" }),
      });
    }
    return { commit, files };
  },
  open: async ({ name, endpoint, commit, path }) => {
    const { downloadFile } = await import("@huggingface/hub");
    const blob = await downloadFile({ repo: name, hubUrl: endpoint, revision: commit, path });
    return blob?.stream();
  },
};
