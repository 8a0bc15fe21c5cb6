/** `fma`: a · b + c rounds once, where the host has relaxed SIMD; `nofma`: twice, everywhere. */
export type Numerics = 'fma' | 'nofma';

/** What the compiled kernels export. */
export interface KernelExports {
  readonly run: (
    records: number,
    from: number,
    to: number,
    slots: number,
    part: number,
    parts: number,
    times: number,
  ) => number;
  /** Multiply-adds on registers alone; gives back how many operations there were. */
  readonly peak: (turns: number) => number;
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

const IMPORTS = 2;
const MEMORY = 2;
const SHARED = 2;

/** The same module, importing a memory that is shared between threads or one that is not: one bit says which. */
export function withMemory(bytes: Uint8Array<ArrayBuffer>, shared: boolean): Uint8Array<ArrayBuffer> {
  let at = 8; // behind the magic number and the version
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = (size: number): void => void (at += size);
  while (at < bytes.length) {
    const section = bytes[at++];
    const size = number();
    if (section !== IMPORTS) {
      skip(size);
      continue;
    }
    for (let left = number(); left > 0; left--) {
      skip(number()); // module
      skip(number()); // name
      if (bytes[at++] !== MEMORY) {
        number(); // the type of a function: the kernels import nothing else
        continue;
      }
      const patched = bytes.slice();
      patched[at] = shared ? bytes[at] | SHARED : bytes[at] & ~SHARED;
      return patched;
    }
  }
  throw new Error('useWasm: these are not the kernels (they import no memory)');
}

/** The kernels: from `url` if given (for pages whose policy forbids inlined code), else from the package itself. */
async function loadBytes(numerics: Numerics, url?: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  if (url !== undefined) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`useWasm: ${url} answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
  const { base64 } =
    numerics === 'fma' ? await import('./generated/kernels-fma') : await import('./generated/kernels-nofma');
  return decodeBase64(base64);
}

/** The compiled kernels, for a memory that threads share or for one of a single thread. */
export async function loadModule(numerics: Numerics, shared: boolean, url?: string | URL): Promise<WebAssembly.Module> {
  return WebAssembly.compile(withMemory(await loadBytes(numerics, url), shared));
}
