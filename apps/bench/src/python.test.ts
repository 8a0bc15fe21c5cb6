import { afterEach, expect, test, vi } from 'vitest';

import { findTorch, torchEnvironment } from './python';

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

test('without torch, one line says what was tried and what helps', async () => {
  await expect(findTorch(['/nowhere/python3', '/nor/here'])).rejects.toThrow(
    'no torch in /nowhere/python3 or /nor/here (Debian: apt-get install python3-torch)',
  );
});
