import { join } from 'node:path';

// @ts-expect-error it has no types
import preset from '@size-limit/preset-small-lib';
import sizeLimit from 'size-limit';

interface MeasureOptions {
  /** Only these names are imported. Default: all. */
  readonly names?: readonly string[];
  /** Default Brotli. */
  readonly gzip?: boolean;
}

/** Bytes of an entry with all it imports, minified and compressed; `@qkv/…` of others does not count. */
export async function measure(folder: string, target: string, { names, gzip }: MeasureOptions = {}): Promise<number> {
  const file = join(folder, target);
  const check = {
    files: [file],
    path: target,
    ...(names && { import: { [file]: `{ ${names.join(', ')} }` } }),
    ...(gzip && { gzip: true, brotli: false }),
    ignore: ['@qkv/*', 'node:*'],
    modifyEsbuildConfig: (config: object) => ({ ...config, format: 'esm' }), // its own choice has no import.meta
  };
  const [{ size }] = (await sizeLimit(preset, { cwd: folder, checks: [check] })) as { size: number }[];
  return size;
}
