/** What a job took: on the clock, and of the processor. They differ when others use the cores, or threads help. */
export interface Elapsed {
  readonly ms: number;
  readonly cpu: number;
}

export async function timed(job: () => void | Promise<unknown>): Promise<Elapsed> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await job();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpu: (user + system) / 1000 };
}

/** Long enough for V8 to finish compiling hot wasm in the background: under load it may stay in its first tier for seconds. */
export async function settle(job: () => unknown, seconds: number): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  do await job();
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve, 300));
}
