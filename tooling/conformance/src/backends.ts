import { createWasmBackend } from '@qkv/backend-wasm';
import { type Backend, createReferenceBackend } from '@qkv/tensor';

/** Every backend that has to conform, each in every numerics it knows; with threads, bits are the same. */
export const BACKENDS: readonly (readonly [name: string, create: () => Backend | Promise<Backend>])[] = [
  ['reference, float32', () => createReferenceBackend({ precision: 'float32' })],
  ['wasm', () => createWasmBackend({ threads: 1 })],
  ['wasm, nofma', () => createWasmBackend({ numerics: 'nofma', threads: 1 })],
  ['wasm, 3 threads', () => createThreadedBackend()],
];

/** Every run goes to the workers, however small, and there are more of them than cores on most machines. */
export function createThreadedBackend(): Promise<Backend> {
  return createWasmBackend({ threads: 3, inlineBelow: 0 });
}
