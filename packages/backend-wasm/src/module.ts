/** `fma`: a · b + c rounds once, where the host has relaxed SIMD; `nofma`: twice, everywhere. */
export type Numerics = 'fma' | 'nofma';

/** What the compiled kernels export. */
export interface KernelExports {
  readonly run: (records: number, from: number, to: number, slots: number, part: number, parts: number) => number;
  readonly heapBase: () => number;
  readonly errors: () => number;
  readonly fused: (x: number) => number;
}

/** The smallest module with one `f32x4.relaxed_madd`. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 133, 2, 11,
]);

interface NodeProcess {
  getBuiltinModule?: (name: string) => { setFlagsFromString?: (flag: string) => void } | undefined;
}

/** Whether relaxed SIMD compiles here. Node 20 hides it behind a flag that can still be set at run time. */
export function hasRelaxedSimd(): boolean {
  if (WebAssembly.validate(RELAXED_PROBE)) return true;
  const { process } = globalThis as { process?: NodeProcess };
  try {
    process?.getBuiltinModule?.('node:v8')?.setFlagsFromString?.('--experimental-wasm-relaxed-simd');
  } catch {
    return false;
  }
  return WebAssembly.validate(RELAXED_PROBE);
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The compiled kernels: from `url` if given (for pages whose policy forbids inlined code), else from the package itself. */
export async function loadModule(numerics: Numerics, url?: string | URL): Promise<WebAssembly.Module> {
  if (url !== undefined) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`useWasm: ${url} answered ${response.status}`);
    return WebAssembly.compile(await response.arrayBuffer());
  }
  const { base64 } =
    numerics === 'fma' ? await import('./generated/kernels-fma') : await import('./generated/kernels-nofma');
  return WebAssembly.compile(decodeBase64(base64));
}
