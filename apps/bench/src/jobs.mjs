/**
 * A subject made of jobs that are timed one after the other: what all operations of all libraries have in common.
 *
 * @typedef {{ name: string, run: () => unknown, calls?: number }} Job `run` does its work `calls` times
 */

/** @returns {Promise<{ ms: number, cpu: number }>} on the clock, and of the processor: threads included */
export async function timed(/** @type {() => unknown} */ job) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await job();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpu: (user + system) / 1000 };
}

const text = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error)).split('\n')[0];

/**
 * Makes each job, warms it up, and forgets those that fail: their message becomes a fact, the others go on.
 *
 * @template {{ name: string }} Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => Omit<Job, 'name'> | Promise<Omit<Job, 'name'>>} make
 * @param {import('./subject').Facts} facts
 * @param {{ seconds?: number, before?: () => number, kernels?: () => number }} [options] warm-up of each job; `before` is
 *   the bound, sampled beside each job; `kernels` counts milliseconds inside of kernels
 * @returns {Promise<import('./subject').Subject>}
 */
export async function subjectOf(items, make, facts, { seconds = 0.15, before, kernels } = {}) {
  /** @type {Required<Job>[]} */
  const jobs = [];
  for (const item of items) {
    try {
      const job = { calls: 1, ...(await make(item)), name: item.name };
      const end = performance.now() + 1000 * seconds;
      do await job.run();
      while (performance.now() < end);
      jobs.push(job);
    } catch (error) {
      facts[`failed: ${item.name}`] = text(error);
    }
  }
  if (jobs.length === 0 && items.length > 0) throw new Error(String(facts[`failed: ${items[0].name}`]));
  await new Promise((resolve) => setTimeout(resolve, 300)); // for compilers in the background
  return {
    facts,
    async round() {
      /** @type {import('./subject').Series} */
      const series = {};
      const add = (/** @type {string} */ name, /** @type {number} */ value) => (series[name] ??= []).push(value);
      for (const { name, run, calls } of jobs) {
        const peak = before?.();
        for (const series of peak === undefined ? [] : ['peak', `${name} peak`]) add(series, Number(peak));
        const start = kernels?.() ?? 0;
        const { ms, cpu } = await timed(run);
        add(`${name} ms`, ms / calls);
        add(`${name} cpu`, cpu / calls);
        if (kernels !== undefined) add(`${name} kernels`, (kernels() - start) / calls);
      }
      return series;
    },
  };
}
