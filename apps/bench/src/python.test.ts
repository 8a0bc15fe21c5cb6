import { afterEach, expect, test, vi } from 'vitest';

import { findTorch, kernelsFor, torchEnvironment } from './python';

afterEach(() => void vi.unstubAllEnvs());

test('threads are limited in torch and in the libraries below', () => {
  expect(torchEnvironment(1)).toMatchObject({ OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' });
});

test('the OpenMP build comes before what the user has set', () => {
  vi.stubEnv('LD_LIBRARY_PATH', '');
  expect(torchEnvironment(2, '/blas')['LD_LIBRARY_PATH']).toBe('/blas');
  vi.stubEnv('LD_LIBRARY_PATH', '/opt/lib');
  expect(torchEnvironment(2, '/blas')['LD_LIBRARY_PATH']).toBe('/blas:/opt/lib');
});

test('where OpenBLAS does not know the processor, the kernels for what it has are named', () => {
  const cpu = (flags: string): string => `model name\t: X\nflags\t\t: fpu ${flags} sse\n`;
  const wide = cpu('avx2 fma avx512f avx512dq avx512bw avx512vl');
  expect(kernelsFor('Core: Prescott\n', wide)).toBe('SkylakeX');
  expect(kernelsFor('Core: Prescott\n', cpu('avx2 fma avx512f'))).toBe('Haswell');
  expect(kernelsFor('Core: Prescott\n', cpu('sse3'))).toBeUndefined();
  expect(kernelsFor('Core: Cooperlake\n', wide)).toBeUndefined();
  expect(kernelsFor('', wide)).toBeUndefined();
});

test('without torch, one line says what was tried and what helps', async () => {
  await expect(findTorch(['/nowhere/python3', '/nor/here'])).rejects.toThrow(
    'no torch in /nowhere/python3 or /nor/here (Debian: apt-get install python3-torch)',
  );
});
