import type { Runtime } from './channel';
import { type PeerName, PEERS } from './peers';
import { torchEnvironment } from './python';
import type { Entry } from './runner';
import type { Settings } from './subject';
import type { Surroundings } from './surroundings';

/** qkv under one Node. With one thread, or where threads say nothing, it is what the others are compared with. */
export function own(runtime: Runtime, module: string, settings: Settings): Entry {
  const threads = typeof settings['threads'] === 'number' ? settings['threads'] : undefined;
  return {
    label: threads === undefined ? 'qkv' : `qkv ${threads}t`,
    own: true,
    baseline: threads === undefined || threads === 1,
    module,
    settings,
    runtime,
    ...(threads === undefined ? {} : { threads }),
  };
}

const MODULES: Readonly<Record<PeerName, string>> = {
  'jax-js': 'jax-js.mjs',
  tfjs: 'tfjs.mjs',
  'onnxruntime-node': 'onnxruntime.mjs',
  'onnxruntime-web': 'onnxruntime.mjs',
  'hf-tokenizers': 'hf-tokenizers.mjs',
  'rust-tokenizers': 'rust-tokenizers.mjs',
};
/** For heads of columns; a number of threads follows. */
const SHORT: Readonly<Record<PeerName, string>> = {
  'jax-js': 'jax-js',
  tfjs: 'tfjs',
  'onnxruntime-node': 'ort-node',
  'onnxruntime-web': 'ort-web',
  'hf-tokenizers': 'hf.js',
  'rust-tokenizers': 'rust',
};
/** The others have one thread in Node. */
const THREADED: readonly PeerName[] = ['onnxruntime-node', 'onnxruntime-web'];

/** A peer, if it is installed, with as many threads as it can use; in the first `rounds` only, if it is slow. */
export function peer(
  { peers, nodes, cores }: Surroundings,
  name: PeerName,
  settings: Settings,
  rounds?: number,
  module = MODULES[name],
): Entry[] {
  const home = peers.get(name);
  if (home === undefined) return [];
  const threads = THREADED.includes(name) ? cores : 1;
  const label = `${SHORT[name]} ${threads}t`;
  const all = { ...settings, home, threads, web: name === 'onnxruntime-web', version: Object.values(PEERS[name])[0] };
  // Native code is the same under each Node.
  const runtimes = name === 'onnxruntime-node' ? nodes.slice(0, 1) : nodes;
  return runtimes.map((runtime) => ({
    label,
    module,
    settings: all,
    runtime,
    threads,
    ...(rounds === undefined ? {} : { rounds }),
  }));
}

/** PyTorch, if it is there, with one thread and with two. What it needs to know of the work goes along. */
export function torch({ torch: found, cores }: Surroundings, settings: Readonly<Record<string, unknown>>): Entry[] {
  if (found === null) return [];
  return (cores > 1 ? [1, 2] : [1]).map((threads) => ({
    label: `torch ${threads}t`,
    module: 'torch.py',
    settings: { ...settings, threads, kernels: found.kernels ?? '' },
    runtime: found.runtime,
    environment: {
      ...torchEnvironment(threads),
      ...(found.kernels === undefined ? {} : { OPENBLAS_CORETYPE: found.kernels }),
    },
    threads,
  }));
}
