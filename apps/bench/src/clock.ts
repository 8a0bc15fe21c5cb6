export { timed } from './jobs.mjs';

/** Long enough for V8 to finish compiling hot wasm in the background: under load it may stay in its first tier for seconds. */
export async function settle(job: () => unknown, seconds: number): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  do await job();
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve, 300));
}
