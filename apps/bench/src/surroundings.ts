import type { Runtime } from './channel';
import { nodeVersions } from './machine';
import { installPeer, type PeerName, PEERS } from './peers';
import { findTorch, type Torch } from './python';

/** What there is to measure with. */
export interface Surroundings {
  /** The one that runs the bench, then others. */
  readonly nodes: readonly Runtime[];
  /** Where each peer is. */
  readonly peers: ReadonlyMap<PeerName, string>;
  readonly torch: Torch | null;
  /** Processors that may be used at once. */
  readonly cores: number;
  readonly full: boolean;
}

/** Looks for everything, installs peers, and tells of what is not to be had. */
export async function lookAround(
  options: { readonly peers: boolean; readonly full: boolean; readonly cores: number },
  tell: (line: string) => void,
): Promise<Surroundings> {
  const { full, cores } = options;
  const found = nodeVersions().map(({ version, path }): Runtime => ({ kind: 'node', version, path }));
  const nodes = full ? found : found.slice(0, 1);
  const peers = new Map<PeerName, string>();
  if (!options.peers) return { nodes, peers, torch: null, cores, full };
  for (const name of Object.keys(PEERS) as PeerName[]) {
    try {
      peers.set(name, await installPeer(name));
    } catch (error) {
      tell(`${name} FAILED to install: ${(error as Error).message}`);
    }
  }
  try {
    return { nodes, peers, torch: await findTorch(), cores, full };
  } catch (error) {
    tell(`PyTorch FAILED: ${(error as Error).message}`);
    return { nodes, peers, torch: null, cores, full };
  }
}
