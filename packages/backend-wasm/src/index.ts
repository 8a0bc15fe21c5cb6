export { createWasmBackend, useWasm, type WasmOptions } from './wasm';
export type { WasmBackend } from './backend';
export type { Numerics } from './module';
