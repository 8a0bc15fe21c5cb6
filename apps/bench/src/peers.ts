import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** Libraries to compare with. They are installed for the bench only, outside the lockfile, in versions that are known. */
export const PEERS = {
  'jax-js': { package: '@jax-js/jax', version: '0.1.25', entry: 'dist/index.js' },
} as const;

export type PeerName = keyof typeof PEERS;

const root = fileURLToPath(new URL('../.peers', import.meta.url));

/** URL of the peer's main module; installs it first if it is not there. Throws with npm's own message. */
export async function installPeer(name: PeerName): Promise<string> {
  const peer = PEERS[name];
  const prefix = join(root, name);
  const home = join(prefix, 'node_modules', peer.package);
  const manifest = join(home, 'package.json');
  const installed = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
    : '';
  if (installed !== peer.version) {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(join(prefix, 'package.json'), '{ "private": true }\n'); // or npm would look for one further up
    const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    try {
      await promisify(execFile)('npm', ['install', '--prefix', prefix, ...flags, `${peer.package}@${peer.version}`]);
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      throw new Error((stderr?.trim() || message).split('\n')[0], { cause: error });
    }
  }
  return pathToFileURL(join(home, peer.entry)).href;
}
