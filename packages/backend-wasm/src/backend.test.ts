import { expect, test, vi } from 'vitest';

import { OutOfMemory, type Plan, type Step } from '@qkv/tensor';

import { encoders } from './encoders';
import { hasRelaxedSimd } from './module';
import { contiguous } from './testing';
import { createWasmBackend } from './wasm';

const float = (values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const floats = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)];

function operand(
  slot: number,
  byteOffset: number,
  shape: number[],
  dtype: 'float32' | 'int32' = 'float32',
): Step['inputs'][number] {
  return { slot, byteOffset, shape, strides: contiguous(shape), dtype };
}

function planOf(slots: Plan['slots'], ...steps: Partial<Step>[]): Plan {
  return {
    slots,
    steps: steps.map((step) => ({ kernel: '', inputs: [], outputs: [], attributes: {}, nodes: [], ...step })),
    inputs: [],
    outputs: [],
  };
}

const twoSlots: Plan['slots'] = [
  { kind: 'arena', bytes: 256 },
  { kind: 'variable', bytes: 16 },
];

test('copies bytes in and out, also after memory has grown', async () => {
  const backend = await createWasmBackend();
  const small = backend.allocate(8);
  backend.write(small, 0, float([1, 2]));
  const large = backend.allocate(5_000_000);
  backend.write(large, 4_999_996, float([3]));
  backend.write(small, 4, float([4]));
  const [a, b] = await backend.read([
    { handle: small, byteOffset: 0, bytes: 8 },
    { handle: large, byteOffset: 4_999_996, bytes: 4 },
  ]);
  expect(floats(a)).toEqual([1, 4]);
  expect(floats(b)).toEqual([3]);
  backend.write(small, 0, float([9]));
  expect(floats(a)).toEqual([1, 4]);
});

test('one plan runs on other memory each time, in whole or in part', async () => {
  const backend = await createWasmBackend();
  const plan = planOf(
    twoSlots,
    { kernel: 'fill', outputs: [operand(0, 64, [4])], attributes: { value: 7 } },
    { kernel: 'copy', inputs: [operand(0, 64, [4])], outputs: [operand(1, 0, [4])] },
  );
  const prepared = backend.prepare(plan);
  const arena = backend.allocate(256);
  const variables = [backend.allocate(16), backend.allocate(16)];
  const read = async (handle: number): Promise<number[]> =>
    floats((await backend.read([{ handle, byteOffset: 0, bytes: 16 }]))[0]);
  for (const variable of variables) {
    backend.write(variable, 0, float([0, 0, 0, 0]));
    backend.run(prepared, [arena, variable]);
    expect(await read(variable)).toEqual([7, 7, 7, 7]);
  }
  backend.write(arena, 64, float([1, 2, 3, 4]));
  backend.run(prepared, [arena, variables[0]], 1);
  expect(await read(variables[0])).toEqual([1, 2, 3, 4]);
  backend.run(prepared, [arena, variables[0]], 0, 1);
  expect(await read(variables[0])).toEqual([1, 2, 3, 4]);
  const held = backend.bytesInUse;
  prepared.release();
  expect(backend.bytesInUse).toBeLessThan(held);
});

test('runs allocate no device memory and leave the host heap alone', async () => {
  const backend = await createWasmBackend();
  const prepared = backend.prepare(
    planOf(twoSlots, { kernel: 'fill', outputs: [operand(0, 64, [4])], attributes: { value: 7 } }),
  );
  const memory = [backend.allocate(256), backend.allocate(16)];
  const held = backend.bytesInUse;
  for (let i = 0; i < 10_000; i++) backend.run(prepared, memory);
  expect(backend.bytesInUse).toBe(held);
});

test('out of memory is an error; what is there goes on working', async () => {
  const backend = await createWasmBackend({ maximumMemory: 2 ** 20 });
  const block = backend.allocate(1000);
  expect(() => backend.allocate(2 ** 20)).toThrow(OutOfMemory);
  expect(() => backend.allocate(2 ** 40)).toThrow('cannot allocate 1099511627776 bytes');
  backend.free(block);
  expect(backend.allocate(2 ** 19)).toBeGreaterThan(0);
});

test('addresses above 2 GiB are positive numbers', async () => {
  const backend = await createWasmBackend();
  const below = backend.allocate(2 ** 31);
  const above = backend.allocate(64);
  expect(above).toBeGreaterThan(2 ** 31);
  const prepared = backend.prepare(
    planOf(
      twoSlots,
      { kernel: 'fill', outputs: [operand(0, 0, [4])], attributes: { value: 2 } },
      {
        kernel: 'matmul',
        inputs: [operand(0, 0, [2, 2]), operand(0, 0, [2, 2])],
        outputs: [operand(0, 16, [2, 2])],
        workspace: { slot: 1, byteOffset: 0, bytes: 2 ** 20 },
      },
    ),
  );
  const workspace = backend.allocate(2 ** 20);
  backend.run(prepared, [above, workspace]);
  expect(floats((await backend.read([{ handle: above, byteOffset: 16, bytes: 16 }]))[0])).toEqual([8, 8, 8, 8]);
  backend.free(below);
});

test('an error names the step, and the next run is not affected', async () => {
  const backend = await createWasmBackend();
  const arena = backend.allocate(256);
  const ids = operand(0, 64, [2], 'int32');
  const prepared = backend.prepare(
    planOf(
      [{ kind: 'arena', bytes: 256 }],
      { kernel: 'fill', outputs: [operand(0, 0, [4, 1])], attributes: { value: 5 } },
      { kernel: 'gather', inputs: [operand(0, 0, [4, 1]), ids], outputs: [operand(0, 128, [2, 1])] },
    ),
  );
  backend.write(arena, 64, new Uint8Array(Int32Array.of(1, 4).buffer));
  expect(() => backend.run(prepared, [arena])).toThrow(
    expect.objectContaining({ name: 'KernelError', step: 1, message: 'gather: id 4 at position 1 is outside 0…3' }),
  );
  backend.write(arena, 64, new Uint8Array(Int32Array.of(1, 3).buffer));
  backend.run(prepared, [arena]);
  expect(floats((await backend.read([{ handle: arena, byteOffset: 128, bytes: 8 }]))[0])).toEqual([5, 5]);
});

test('a kernel that is not there is an error at preparation', async () => {
  const backend = await createWasmBackend();
  expect(() => backend.prepare(planOf([], { kernel: 'warp' }))).toThrow('the wasm backend has no kernel warp');
  expect(backend.capabilities.supports({ kernel: 'warp', inputs: [], outputs: [], attributes: {} })).toBe(false);
});

test('the numerics are chosen once and say what they are', async () => {
  expect((await createWasmBackend()).numerics).toBe(hasRelaxedSimd() ? 'wasm-fma' : 'wasm-nofma');
  expect((await createWasmBackend({ numerics: 'nofma' })).numerics).toBe('wasm-nofma');
});

test('kernels can come from a URL', async () => {
  const { base64 } = await import('./generated/kernels-nofma');
  const fetched = vi
    .spyOn(globalThis, 'fetch')
    .mockImplementation(async () => new Response(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))));
  const backend = await createWasmBackend({
    numerics: 'nofma',
    url: (numerics) => `https://example.org/kernels-${numerics}.wasm`,
  });
  expect(fetched).toHaveBeenCalledExactlyOnceWith('https://example.org/kernels-nofma.wasm');
  expect(backend.allocate(4)).toBeGreaterThan(0);
  fetched.mockImplementation(async () => new Response(null, { status: 404 }));
  await expect(createWasmBackend({ url: () => 'https://example.org/missing' })).rejects.toThrow('answered 404');
  fetched.mockRestore();
});

test('a closed backend refuses work', async () => {
  const backend = await createWasmBackend();
  const handle = backend.allocate(4);
  const prepared = backend.prepare({ slots: [], steps: [], inputs: [], outputs: [] });
  backend.close();
  expect(() => backend.allocate(4)).toThrow('the wasm backend is closed');
  expect(() => backend.write(handle, 0, new Uint8Array(4))).toThrow('the wasm backend is closed');
  expect(() => backend.run(prepared, [])).toThrow('the wasm backend is closed');
  await expect(backend.read([{ handle, byteOffset: 0, bytes: 4 }])).rejects.toThrow('the wasm backend is closed');
  backend.free(handle); // what is dropped later than the backend is none of anyone's business
});

test('strides and workspaces are declared by the encoders', async () => {
  const { capabilities } = await createWasmBackend();
  expect(capabilities.readsStrides('matmul', 1)).toBe(true);
  expect(capabilities.readsStrides('gather', 0)).toBe(false);
  expect(capabilities.readsStrides('attentionBackward', 4)).toBe(false);
  expect(Object.keys(encoders)).toEqual(
    expect.arrayContaining([
      'matmul',
      'copy',
      'fill',
      'iota',
      'gather',
      'scatterAdd',
      'attention',
      'attentionBackward',
    ]),
  );
});
