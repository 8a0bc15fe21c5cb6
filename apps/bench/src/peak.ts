/**
 * The bound for 128-bit WebAssembly on this machine, in this process, now: a loop of multiply-adds that touches nothing
 * but registers. The module is written out by hand, so that no compiler has a say in it.
 */

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]; // and version 1
/** Opcodes, from the WebAssembly specification; SIMD ones stand behind 0xfd. */
const LOOP = 0x03;
const END = 0x0b;
const BR_IF = 0x0d;
const EMPTY = 0x40;
const I32_CONST = 0x41;
const I32_SUB = 0x6b;
const V128 = 0x7b;
const V128_CONST = [0xfd, 0x0c];
const F32X4_EXTRACT_LANE = [0xfd, 0x1f];
const F32X4_ADD = [0xfd, 0xe4, 0x01];
const F32X4_MUL = [0xfd, 0xe6, 0x01];
const F32X4_RELAXED_MADD = [0xfd, 0x85, 0x02];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];

/** Independent chains: two units of a latency of four cycles need eight, a few more hide the rest; 16 registers are there. */
const CHAINS = 12;
const LANES = 4;

const splat = (x: number): number[] => [...V128_CONST, ...new Uint8Array(Float32Array.of(x, x, x, x).buffer)];
/** Lengths below 16,384, as LEB128 in always two bytes. */
const length = (n: number): number[] => [(n & 0x7f) | 0x80, n >>> 7];
const section = (id: number, content: number[]): number[] => [id, ...length(content.length), ...content];

/** Exports `peak(n: i32) → f32`: n turns of a multiply-add in each chain. */
function assemble(fused: boolean): Uint8Array<ArrayBuffer> {
  const [turns, a, b] = [0, 1, 2];
  const chains = Array.from({ length: CHAINS }, (_, i) => 3 + i);
  // c ← a·b + c with one rounding. Without: half the chains multiply, half add, as two separate instructions may overlap.
  // The factor is −1, so that nothing decays into denormals.
  const turn = chains.flatMap((c, i) => {
    if (fused) return [...get(a), ...get(b), ...get(c), ...F32X4_RELAXED_MADD, ...set(c)];
    return [...get(c), ...get(i % 2 === 0 ? a : b), ...(i % 2 === 0 ? F32X4_MUL : F32X4_ADD), ...set(c)];
  });
  const constants = [...splat(-1), ...set(a), ...splat(0.002), ...set(b)];
  const starts = chains.flatMap((c) => [...splat(c / 7), ...set(c)]);
  const next = [...get(turns), I32_CONST, 1, I32_SUB, ...tee(turns), BR_IF, 0];
  const sum = [...get(chains[0]), ...chains.slice(1).flatMap((c) => [...get(c), ...F32X4_ADD])];
  const code = [...constants, ...starts, LOOP, EMPTY, ...turn, ...next, END, ...sum, ...F32X4_EXTRACT_LANE, 0, END];
  const body = [1, CHAINS + 2, V128, ...code]; // one run of locals: a, b, chains
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]), // (i32) → f32
    ...section(3, [1, 0]),
    ...section(7, [1, 4, ...Buffer.from('peak'), 0, 0]),
    ...section(10, [1, ...length(body.length), ...body]),
  ]);
}

const TURNS = 400_000; // half a millisecond on an idle core

/** The module and the arithmetic of one turn: that which the engine uses. */
export async function peakModule(numerics: string): Promise<{ module: WebAssembly.Module; flopsPerTurn: number }> {
  const fused = numerics.endsWith('-fma');
  return { module: await WebAssembly.compile(assemble(fused)), flopsPerTurn: CHAINS * LANES * (fused ? 2 : 1) };
}

/** GFLOP/s that no WebAssembly on one thread can exceed, in this process and now. */
export async function createPeakMeter(numerics: string): Promise<() => number> {
  const { module, flopsPerTurn } = await peakModule(numerics);
  const { exports } = await WebAssembly.instantiate(module);
  const peak = exports['peak'] as (turns: number) => number;
  // The best of five short runs, for one that was interrupted says nothing about the bound.
  return () => (TURNS * flopsPerTurn) / bestOf(5, () => peak(TURNS)) / 1e6;
}

/** GB/s of copying so many bytes, each counted as read and written: what element-wise work cannot exceed by much. */
export function createCopyMeter(bytes: number): () => number {
  const from = new Float32Array(bytes / 4).fill(1);
  const to = new Float32Array(bytes / 4);
  return () => (2 * bytes) / bestOf(3, () => to.set(from)) / 1e6;
}

/** Milliseconds. */
function bestOf(times: number, run: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
