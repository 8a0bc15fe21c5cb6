import { useWasm, type WasmBackend } from '@qkv/backend-wasm';

let threads: number | undefined;

/** How many threads the engine will have; without, as many as cores are available. */
export function chooseThreads(count: number): void {
  threads = count;
}

/** Installs the engine that all commands compute with. */
export async function installEngine(): Promise<WasmBackend> {
  const { backend } = await useWasm({ threads });
  return backend as WasmBackend;
}

/** `2 threads of WebAssembly (wasm-fma)`. */
export function describeEngine({ threads: count, numerics }: Pick<WasmBackend, 'numerics' | 'threads'>): string {
  return `${count === 1 ? 'one thread' : `${count} threads`} of WebAssembly (${numerics})`;
}
