/**
 * Other implementations of the same attention, measured in the same rounds where the user has them: none is a
 * dependency.
 */

import type { AttentionCase } from "../contender.ts";
import type { Contender, Owner } from "../measure.ts";

export interface Peer extends AsyncDisposable {
  /**
   * What it has to set against a case; nothing where it has no such attention, or would take minutes.
   *
   * @param owned is given what must be freed behind the case
   */
  readonly contenders: (each: AttentionCase, owned: Owner) => Promise<readonly Contender[]>;
}

/** A peer that is not there, in words for one line. */
export interface Absent {
  readonly reason: string;
}

export interface PeerOptions {
  readonly threads: number;
  /** The Python to ask for torch. */
  readonly python: string;
}

export type LoadPeer = (options: PeerOptions) => Promise<Peer | Absent>;

export function isAbsent(peer: Peer | Absent): peer is Absent {
  return "reason" in peer;
}

/** Peers are measured in every round until their runs have taken this long. */
export const PEER_BUDGET_MS = 5000;
