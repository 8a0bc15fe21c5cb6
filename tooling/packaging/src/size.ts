import { join } from 'node:path';

// @ts-expect-error it has no types
import preset from '@size-limit/preset-small-lib';
import sizeLimit from 'size-limit';

/** Bytes of an entry with all it imports, minified and compressed with Brotli; `@qkv/…` of others does not count. */
export async function measure(folder: string, target: string): Promise<number> {
  const check = {
    files: [join(folder, target)],
    path: target,
    ignore: ['@qkv/*', 'node:*'],
    modifyEsbuildConfig: (config: object) => ({ ...config, format: 'esm' }), // its own choice has no import.meta
  };
  const [{ size }] = (await sizeLimit(preset, { cwd: folder, checks: [check] })) as { size: number }[];
  return size;
}
