// Refuses a Node that is too old, in words. Imported first, and itself free of newer syntax.

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `performer-ts: Node 20.19 or newer is needed, this is ${process.versions.node}; see https://nodejs.org for a ` +
      `newer one\n`,
  );
  process.exit(1);
}
