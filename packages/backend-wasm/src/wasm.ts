import { type Engine, installBackend } from '@qkv/tensor';

import { type Device, WasmBackend } from './backend';
import { now } from './clock';
import { hasRelaxedSimd, loadModule, type KernelExports, type Numerics } from './module';
import { Team } from './team';
import { availableCores, canShareMemory } from './threads';

export interface WasmOptions {
  /** Most bytes that the device memory may reach; 4 GiB, the limit of 32-bit addresses. */
  readonly maximumMemory?: number;
  /** Whether multiply-adds round once (`fma`) or twice (`nofma`); by default `fma` where the host has it. */
  readonly numerics?: Numerics;
  /** Where to fetch the kernels (`kernels-fma.wasm` or `kernels-nofma.wasm`) instead of decoding the copy in the package. */
  readonly url?: (numerics: Numerics) => string | URL;
  /**
   * Threads that compute, at most 64: by default as many as cores are available here (of a container's quota), and one
   * where pages are not cross-origin isolated, because memory cannot be shared there.
   */
  readonly threads?: number;
  /**
   * Runs whose work is estimated at less than this many microseconds are not worth handing to the workers and hearing
   * back: the calling thread does them itself, with the same result. 200; with 0 it never computes.
   */
  readonly inlineBelow?: number;
  /** Where workers get their code (`worker.js`), in pages whose policy forbids inlined code. */
  readonly workerUrl?: string | URL;
}

const PAGE = 65536;
const MAXIMUM_PAGES = 65536;
/** As many have room for their errors. */
const MAXIMUM_THREADS = 64;

/** Declares as much as the host lets us: address space, not memory. */
function createMemory(maximumBytes: number, shared: boolean): { memory: WebAssembly.Memory; maximumBytes: number } {
  let maximum = Math.min(MAXIMUM_PAGES, Math.max(1, Math.floor(maximumBytes / PAGE)));
  for (;;) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum, shared }), maximumBytes: maximum * PAGE };
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
  const { threads, workerUrl, inlineBelow = 200 } = options;
  if (!(inlineBelow >= 0)) throw new RangeError(`useWasm: inlineBelow is a time in microseconds, got ${inlineBelow}`);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAXIMUM_THREADS))
    throw new RangeError(`useWasm: threads must be an integer from 1 to ${MAXIMUM_THREADS}, got ${threads}`);
  if (threads !== undefined && threads > 1 && !canShareMemory())
    throw new Error(
      `useWasm: ${threads} threads need shared memory, which pages have only when they are cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)`,
    );
  const cores = availableCores();
  const parts = threads ?? (canShareMemory() ? Math.min(cores, MAXIMUM_THREADS) : 1);
  if (parts === 1) return new WasmBackend((await instantiate(options, 1)).device);
  const { module, device } = await instantiate(options, parts);
  try {
    return new WasmBackend({ ...device, team: await Team.start(module, device.memory, parts, cores, workerUrl) });
  } catch (error) {
    // Nobody asked for threads: a page whose policy forbids workers gets one.
    if (threads !== undefined) throw error;
    if (workerUrl !== undefined) console.warn(`useWasm: one thread only, because ${(error as Error).message}`);
    return createWasmBackend({ ...options, threads: 1 });
  }
}

/** As `createWasmBackend`, dealing each record out in `parts`, one after the other: tests compare the bits. */
export async function createWithParts(options: WasmOptions, parts: number): Promise<WasmBackend> {
  return new WasmBackend((await instantiate(options, parts)).device);
}

/** Kernels and memory; shared, if there are several parts. */
async function instantiate(
  options: WasmOptions,
  parts: number,
): Promise<{ readonly module: WebAssembly.Module; readonly device: Device }> {
  if (options.numerics === 'fma' && !hasRelaxedSimd())
    throw new Error("numerics 'fma' needs relaxed SIMD, which this host does not have");
  const numerics: Numerics = options.numerics ?? (hasRelaxedSimd() ? 'fma' : 'nofma');
  const shared = parts > 1 && canShareMemory();
  const { memory, maximumBytes } = createMemory(options.maximumMemory ?? MAXIMUM_PAGES * PAGE, shared);
  const module = await loadModule(numerics, shared, options.url?.(numerics));
  const instance = await WebAssembly.instantiate(module, { env: { memory, now } });
  const exports = instance.exports as unknown as KernelExports;
  if (numerics === 'fma' && options.numerics === undefined && !exports.fused(1 + 2 ** -23)) {
    // Relaxed SIMD on a processor without fused multiply-add: the variant that says what it does.
    return instantiate({ ...options, numerics: 'nofma' }, parts);
  }
  return {
    module,
    device: { memory, maximumBytes, exports, numerics, parts, inlineBelow: options.inlineBelow ?? 200 },
  };
}
