import { createWasmBackend } from '@qkv/backend-wasm';
import { type Backend, createReferenceBackend } from '@qkv/tensor';

/** Every backend that has to conform, each in every numerics it knows. */
export const BACKENDS: readonly (readonly [name: string, create: () => Backend | Promise<Backend>])[] = [
  ['reference, float32', () => createReferenceBackend({ precision: 'float32' })],
  ['wasm', () => createWasmBackend()],
  ['wasm, nofma', () => createWasmBackend({ numerics: 'nofma' })],
];
