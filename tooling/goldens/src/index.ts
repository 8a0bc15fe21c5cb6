/// <reference types="vite/client" />
/** @packageDocumentation PyTorch's values and gradients, for tests in Node and in the browser. Runs under vite. */
import { parse, type TensorEntry } from '@qkv/safetensors';

import manifest from '../data/manifest.json';
import layers from '../data/manifest_layers.json';

/** How exact torch's own float32 run is, and the largest absolute value. */
export interface GoldenStats {
  readonly f32_abs: number;
  readonly max: number;
}

/** One sequence decoded by torch, step by step and without a cache. */
export interface GoldenDecode {
  readonly greedy: readonly number[];
  readonly greedy_logp: number;
  readonly beam4: readonly { readonly ids: readonly number[]; readonly logp: number; readonly score: number }[];
}

interface ManifestCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly stats?: Readonly<Record<string, GoldenStats>>;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly note?: string;
  readonly decode?: {
    readonly max_new: number;
    readonly beam: number;
    readonly alpha: number;
    readonly results: readonly GoldenDecode[];
  };
}

export interface Golden extends ManifestCase {
  readonly name: string;
  /** `in.*`, without the prefix, and likewise below. Masks are U8 and 1 means blocked, the opposite of ours. */
  readonly inputs: ReadonlyMap<string, TensorEntry>;
  /** `w.*`, under torch's names. */
  readonly weights: ReadonlyMap<string, TensorEntry>;
  /** `w0.*`: weights before the first step. */
  readonly initial: ReadonlyMap<string, TensorEntry>;
  /** `out.*`, in float64. */
  readonly outputs: ReadonlyMap<string, TensorEntry>;
  /** `g.*`: gradients of the output `loss`, in float64. */
  readonly gradients: ReadonlyMap<string, TensorEntry>;
}

const cases: Readonly<Record<string, ManifestCase>> = { ...manifest.cases, ...layers.cases };
// As data URLs: fetched without a server in Node, and without a request in the browser.
const files = import.meta.glob<string>('../data/*.safetensors', { query: '?url&inline', import: 'default' });

export const goldenNames: readonly string[] = Object.keys(cases);

export async function loadGolden(name: string): Promise<Golden> {
  const file = files[`../data/${name}.safetensors`];
  if (file === undefined) throw new Error(`there is no golden '${name}'`);
  const response = await fetch(await file());
  const { tensors } = parse(new Uint8Array(await response.arrayBuffer()));
  const part = (prefix: string): Map<string, TensorEntry> =>
    new Map(
      [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, entry]) => [key.slice(prefix.length), entry]),
    );
  return {
    name,
    ...cases[name],
    inputs: part('in.'),
    weights: part('w.'),
    initial: part('w0.'),
    outputs: part('out.'),
    gradients: part('g.'),
  };
}
