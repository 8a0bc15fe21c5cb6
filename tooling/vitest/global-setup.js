import { existsSync } from 'node:fs';

const script = new URL('../../packages/backend-wasm/scripts/generate.mjs', import.meta.url);

/** Runs once per vitest process, however many projects name it. */
export default async function setup() {
  if (!existsSync(script)) return;
  const { execFileSync } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const state = /** @type {{ qkvWasmGenerated?: boolean }} */ (globalThis);
  if (state.qkvWasmGenerated) return;
  execFileSync(process.execPath, [fileURLToPath(script)], { stdio: 'inherit' });
  state.qkvWasmGenerated = true;
}
