import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, test } from 'vitest';

/** What `fixtures/train.ts` prints: bytes, but for the number of plans. */
interface Figures {
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly arena: number;
  readonly variables: number;
  readonly plans: number;
  readonly device: number;
}
interface Outcome {
  readonly code: number | string | null;
  readonly stderr: string;
  readonly before: Figures;
  readonly after: Figures;
  readonly seconds: number;
  readonly expected: number;
  readonly total: number;
}

const STEPS = 10_000;
const WARM_UP = 1_000;
const THREADS_WARM_UP = 3_000;
const MB = 2 ** 20;

/** A process of its own: a test runner's heap grows by itself, and only a program can show that it ends. */
function train(kind: 'plain' | 'total' | 'threads', steps = STEPS, warmUp = WARM_UP): Promise<Outcome> {
  const flags = ['--expose-gc', '--conditions=@qkv/source', '--import', 'tsx'];
  // V8 lets its young generation grow to twice this at leisure, here until step 4,000, and keeps pages it has emptied.
  // It starts at its full size, so that what grows after warm-up is what the program holds. A worker's own fills slowly, by
  // some hundred bytes a step: there a small one, so that it is full before warm-up ends.
  const megabytes = kind === 'threads' ? 1 : 16;
  flags.push(`--min-semi-space-size=${megabytes}`, `--max-semi-space-size=${megabytes}`);
  const script = fileURLToPath(new URL('fixtures/train.ts', import.meta.url));
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...flags, script, String(steps), String(warmUp), kind],
      { cwd, timeout: 120_000, env: { ...process.env, NODE_OPTIONS: '' } },
      (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(`the program printed nothing: ${stderr}`, { cause: error }));
        else
          resolve({
            ...(JSON.parse(stdout) as Omit<Outcome, 'code' | 'stderr'>),
            code: error === null ? 0 : (error.signal ?? error.code ?? null),
            stderr,
          });
      },
    );
  });
}

describe(`${STEPS} training steps of a tiny model, which frees nothing`, () => {
  let plain: Outcome;
  let total: Outcome;
  let threads: Outcome;
  beforeAll(async () => {
    // The first process on a machine also compiles all sources, and V8 takes its time to give those 50 MB back.
    await train('plain', 2, 1);
    [plain, total] = await Promise.all([train('plain'), train('total')]);
    // V8 compiles for each worker again, beside the steps: on a loaded machine that ends later than one thread's.
    threads = await train('threads', STEPS, THREADS_WARM_UP);
    for (const [name, { before, after, seconds }] of Object.entries({ plain, 'running total': total, threads })) {
      const from = name === 'threads' ? THREADS_WARM_UP : WARM_UP;
      const change = (key: keyof Figures): string =>
        `${(before[key] / MB).toFixed(2)} → ${(after[key] / MB).toFixed(2)} MB`;
      console.log(
        `${name}: RSS ${change('rss')}, heap ${change('heapUsed')} from step ${from} to ${STEPS}; ` +
          `device ${after.device} bytes, arena ${after.arena}, Variables ${after.variables}, ${after.plans} plans; ${seconds.toFixed(1)} s`,
      );
    }
  }, 130_000);

  test('hold the same device memory at the end as after warm-up', () => {
    for (const { before, after } of [plain, total, threads]) {
      const { arena, variables, plans, device } = before;
      expect(after).toMatchObject({ arena, variables, plans, device });
      expect(before.device).toBeGreaterThanOrEqual(before.arena + before.variables);
    }
    expect(plain.after.plans).toBe(1);
  });

  test('leave RSS within 5 MB of what it was after warm-up', () => {
    for (const { before, after } of [plain, total, threads]) expect(after.rss - before.rss).toBeLessThanOrEqual(5 * MB);
  });

  test('leave nothing on the heap', () => {
    for (const { before, after } of [plain, total, threads]) {
      expect(after.heapUsed - before.heapUsed).toBeLessThanOrEqual(1.5 * MB);
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThanOrEqual(0.1 * MB);
    }
  });

  test('keep a running total that nobody reads until the end, to the bit', () => {
    expect(total.total).toBe(total.expected);
    expect(total.expected).toBe(plain.expected);
    expect(threads.expected).toBe(plain.expected);
    expect(total.expected).toBeGreaterThan(STEPS / 2);
  });

  test('end by themselves, in silence, with idle workers too', () => {
    for (const { code, stderr } of [plain, total, threads]) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
