import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Libraries to compare with. They are installed for the bench only, outside the lockfile, in versions that are known. */
export const PEERS = {
  'jax-js': { '@jax-js/jax': '0.1.25' },
  tfjs: { '@tensorflow/tfjs': '4.22.0', '@tensorflow/tfjs-backend-wasm': '4.22.0' },
  'onnxruntime-node': { 'onnxruntime-node': '1.30.0' },
  'onnxruntime-web': { 'onnxruntime-web': '1.30.0' },
  'hf-tokenizers': { '@huggingface/tokenizers': '0.2.0' },
  'rust-tokenizers': { tokenizers: '0.23.2' },
} as const satisfies Record<string, Record<string, string>>;

export type PeerName = keyof typeof PEERS;

const root = fileURLToPath(new URL('../.peers', import.meta.url));

function installedVersion(prefix: string, name: string): string {
  const manifest = join(prefix, 'node_modules', name, 'package.json');
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version : '';
}

/** Path of the package.json from which the peer's packages resolve; installs what is missing. Throws npm's own message. */
export async function installPeer(name: PeerName): Promise<string> {
  const prefix = join(root, name);
  const home = join(prefix, 'package.json');
  const packages = Object.entries(PEERS[name]);
  if (packages.some(([one, version]) => installedVersion(prefix, one) !== version)) {
    mkdirSync(prefix, { recursive: true });
    writeFileSync(home, '{ "private": true }\n'); // or npm would look for one further up
    const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    const wanted = packages.map(([one, version]) => `${one}@${version}`);
    try {
      await promisify(execFile)('npm', ['install', '--prefix', prefix, ...flags, ...wanted], { timeout: 300_000 });
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      throw new Error((stderr?.trim() || message).split('\n')[0], { cause: error });
    }
  }
  return home;
}
