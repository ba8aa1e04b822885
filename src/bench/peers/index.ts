/** The table of peers. */

import { loadPython } from "./python.ts";
import { loadTfjs } from "./tfjs.ts";
import { loadWasm } from "./wasm.ts";
import type { LoadPeer } from "./peer.ts";

export const peers = { tfjs: loadTfjs, python: loadPython, wasm: loadWasm } as const satisfies Record<string, LoadPeer>;

export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as readonly PeerName[]; // the table's own keys
