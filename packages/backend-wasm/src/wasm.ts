import { type Engine, installBackend } from '@qkv/tensor';

import { WasmBackend } from './backend';
import { hasRelaxedSimd, loadModule, type KernelExports, type Numerics } from './module';

export interface WasmOptions {
  /** Most bytes that the device memory may reach; 4 GiB, the limit of 32-bit addresses. */
  readonly maximumMemory?: number;
  /** Whether multiply-adds round once (`fma`) or twice (`nofma`); by default `fma` where the host has it. */
  readonly numerics?: Numerics;
  /** Where to fetch the kernels (`kernels-fma.wasm` or `kernels-nofma.wasm`) instead of decoding the copy in the package. */
  readonly url?: (numerics: Numerics) => string | URL;
  /** Kernels that were compiled before. */
  readonly module?: WebAssembly.Module;
}

const PAGE = 65536;
const MAXIMUM_PAGES = 65536;

/** Declares as much as the host lets us: address space, not memory. */
function createMemory(maximumBytes: number): { memory: WebAssembly.Memory; maximum: number } {
  let maximum = Math.min(MAXIMUM_PAGES, Math.max(1, Math.floor(maximumBytes / PAGE)));
  for (;;) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum }), maximum };
    } catch (error) {
      if (maximum <= 256) throw error;
      maximum >>>= 1;
    }
  }
}

/** Makes WebAssembly the engine of everything that has not been executed yet. */
export async function useWasm(options: WasmOptions = {}): Promise<Engine> {
  return installBackend(await createWasmBackend(options));
}

/** A backend of its own, for those who keep several engines; most programs call `useWasm`. */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  return createWithParts(options, 1);
}

/** As `createWasmBackend`, dealing each record out in `parts`, one after the other: tests compare the bits. */
export async function createWithParts(options: WasmOptions, parts: number): Promise<WasmBackend> {
  let numerics: Numerics = options.numerics ?? (hasRelaxedSimd() ? 'fma' : 'nofma');
  if (numerics === 'fma' && !hasRelaxedSimd())
    throw new Error("numerics 'fma' needs relaxed SIMD, which this host does not have");
  const instantiate = async (): Promise<{ memory: WebAssembly.Memory; maximum: number; exports: KernelExports }> => {
    const { memory, maximum } = createMemory(options.maximumMemory ?? MAXIMUM_PAGES * PAGE);
    const module = options.module ?? (await loadModule(numerics, options.url?.(numerics)));
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    return { memory, maximum, exports: instance.exports as unknown as KernelExports };
  };
  let created = await instantiate();
  if (numerics === 'fma' && options.numerics === undefined && !created.exports.fused(1 + 2 ** -23)) {
    numerics = 'nofma'; // relaxed SIMD on a processor without fused multiply-add: the variant that says what it does
    created = await instantiate();
  }
  return new WasmBackend(created.memory, created.exports, numerics, created.maximum * PAGE, parts);
}
