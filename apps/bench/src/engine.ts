import { createWasmBackend, type WasmOptions } from '@qkv/backend-wasm';
import { Engine } from '@qkv/tensor';

import { MeteredBackend } from './metered-backend';
import type { Settings } from './subject';

/** An engine with a clock inside, with as many threads as the settings say; else with as many as it takes by itself. */
export async function createMeteredEngine({ threads }: Settings): Promise<{ backend: MeteredBackend; engine: Engine }> {
  const options: WasmOptions & { threads?: number } = typeof threads === 'number' ? { threads } : {};
  const backend = new MeteredBackend(await createWasmBackend(options));
  return { backend, engine: new Engine(backend) };
}
