import { describe, expect, test } from 'vitest';

import { type Batch, MemoryCheckpoints, setUp, source, weights } from '../test/support';
import { fit, type FitOptions } from './fit';
import type { MetricsLog, MetricsRecord } from './metrics';

/** A log in memory, as long as it has records. */
class ListLog implements MetricsLog {
  constructor(readonly records: MetricsRecord[] = []) {}
  write(record: MetricsRecord): void {
    this.records.push(record);
  }
  sync(): Promise<number> {
    return Promise.resolve(this.records.length);
  }
  async truncate(length: number): Promise<void> {
    this.records.length = Math.min(length, this.records.length);
  }
}

type Settings = Partial<FitOptions<Batch>> & Parameters<typeof setUp>[0] & { readonly store?: MemoryCheckpoints };

async function train({ store, dropout, accumulate, average, seed, ...settings }: Settings, resume = false) {
  const { model, ...rest } = setUp({ dropout, accumulate, average, seed });
  const result = await fit({
    ...rest,
    batches: source(4),
    steps: 12,
    checkpoints: store && { store, every: 3, resume },
    ...settings,
  } as FitOptions<Batch>);
  return { ...result, weights: await weights(model) };
}

describe('a run that goes on from a checkpoint ends as one that was never stopped', () => {
  const whole = train({});

  test.each([1, 2, 3, 4, 7, 11])('stopped after %i steps', async (at) => {
    const store = new MemoryCheckpoints();
    const log = new ListLog();
    const controller = new AbortController();
    const onStep: FitOptions<Batch>['onStep'] = ({ step }) => step === at && controller.abort();
    const first = await train({ store, onStep, signal: controller.signal, logs: { log } });
    expect(first).toMatchObject({ reason: 'interrupted', progress: { step: at } });
    const second = await train({ store, logs: { log } }, true);
    expect(second).toMatchObject({ reason: 'finished', progress: { step: 12 } });
    expect(second.weights).toEqual((await whole).weights);
    expect(log.records.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  test('killed without a last word: from the last checkpoint, and nothing stands twice in the metrics', async () => {
    const store = new MemoryCheckpoints();
    const log = new ListLog();
    const killed = train({
      store,
      logs: { log },
      onStep: ({ step }) => {
        if (step === 8) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    expect([...store.files.keys()]).toEqual([3, 6]);
    expect(log.records).toHaveLength(8);
    const after = await train({ store, logs: { log } }, true);
    expect(after.weights).toEqual((await whole).weights);
    expect(log.records.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  test('the random numbers and the place in the data matter: without them, it is another run', async () => {
    for (const lost of ['counters', 'cursor']) {
      const store = new MemoryCheckpoints();
      await train({ store, steps: 6 });
      const load = store.load.bind(store);
      store.load = async (step) => {
        const file = await load(step);
        const progress = JSON.parse(file.metadata.progress) as Record<string, unknown>;
        progress[lost] = { counters: {}, cursor: { epoch: 0, batch: 0 } }[lost];
        return { ...file, metadata: { ...file.metadata, progress: JSON.stringify(progress) } };
      };
      expect((await train({ store }, true)).weights).not.toEqual((await whole).weights);
    }
  });

  test('a finished run stays as it is, and goes on when it is given more steps', async () => {
    const store = new MemoryCheckpoints();
    const done = await train({ store, steps: 7 });
    const files = new Map(store.files);
    const again = await train({ store, steps: 7 }, true);
    expect(again).toEqual(done);
    expect(store.files).toEqual(files);
    expect((await train({ store }, true)).weights).toEqual((await whole).weights);
  });

  test('micro-batches and averages are part of it', async () => {
    const settings = { accumulate: true, average: true } as const;
    const run = (more: Settings, resume = false) => {
      const { model, step, state, counters } = setUp(settings);
      const options = { step, state, counters, batches: source(4), steps: 6, ...more, accumulate: 3 };
      const { store } = more;
      const checkpoints = store && { store, every: 100, resume };
      return fit({ ...options, checkpoints } as FitOptions<Batch>).then(async (result) => ({
        ...result,
        weights: [await weights(model), ...(await Promise.all(Object.values(state).map(valuesOf)))],
      }));
    };
    const expected = await run({});
    const store = new MemoryCheckpoints();
    const controller = new AbortController();
    await run({ store, signal: controller.signal, onStep: ({ step }) => step === 4 && controller.abort() });
    expect((await run({ store }, true)).weights).toEqual(expected.weights);
  });
});

const valuesOf = async (part: { namedVariables(): ReadonlyMap<string, { data(): Promise<ArrayLike<number>> }> }) =>
  Promise.all([...part.namedVariables().values()].map((variable) => variable.data()));

describe('accumulation', () => {
  test('four micro-batches equal one batch of all their rows', async () => {
    // The source gives rows by place, so a batch of 16 must be put together from four of 4.
    const joined = {
      *from(cursor: Batch['next']): Iterable<Batch> {
        const parts = source(4).from(cursor)[Symbol.iterator]();
        for (;;) {
          const four = Array.from({ length: 4 }, () => parts.next().value as Batch);
          const join = (key: 'x' | 'y') => Float32Array.from(four.flatMap((batch) => [...batch[key]]));
          yield { x: join('x'), y: join('y'), rows: 16, next: four[3].next };
        }
      },
    };
    const one = await train({ dropout: 0, batches: joined, steps: 10 });
    const { model, ...rest } = setUp({ dropout: 0, accumulate: true });
    await fit({ ...rest, batches: source(4), steps: 10, accumulate: 4 });
    const four = await weights(model);
    const largest = Math.max(...one.weights.map(Math.abs));
    one.weights.forEach((weight, i) => expect(Math.abs(weight - four[i])).toBeLessThanOrEqual(1e-6 * largest));
    expect(four).not.toEqual((await train({ dropout: 0, steps: 10 })).weights);
  });
});

describe('validation', () => {
  const values = [5, 3, 4, 3, 2.9, 6, 6, 6];
  const validation = (more: object = {}) => ({
    every: 2,
    metric: 'PER',
    run: () => Promise.resolve({ PER: values[calls++], loss: 1 }),
    ...more,
  });
  let calls = 0;

  test('the best and the last checkpoints are kept, with the validations in the metrics', async () => {
    calls = 0;
    const store = new MemoryCheckpoints();
    const log = new ListLog();
    const { progress } = await train({ store, steps: 16, validation: validation(), logs: { log }, logEvery: 100 });
    expect(progress.best).toEqual({ step: 10, value: 2.9 });
    expect([...store.files.keys()]).toEqual([10, 15, 16]);
    expect(log.records.map((record) => record['validation/PER'])).toEqual(values);
    expect(log.records[0]).toEqual({ step: 2, 'validation/PER': 5, 'validation/loss': 1 });
  });

  test('patience ends the run; resuming leaves it ended, more patience goes on', async () => {
    calls = 0;
    const store = new MemoryCheckpoints();
    const stopped = await train({ store, steps: 16, validation: validation({ patience: 2 }) });
    expect(stopped).toMatchObject({ reason: 'stopped-early', progress: { step: 8, best: { step: 4, value: 3 } } });
    const again = await train({ store, steps: 16, validation: validation({ patience: 2 }) }, true);
    expect(again).toMatchObject({ reason: 'stopped-early', progress: { step: 8 } });
    const patient = await train({ store, steps: 16, validation: validation({ patience: 4 }) }, true);
    expect(patient).toMatchObject({ reason: 'finished', progress: { step: 16, best: { step: 10 } } });
  });

  test.each([
    [{ mode: 'max' }, 12, 6],
    [{ minimumDelta: 0.5 }, 4, 3],
  ])('%j', async (more, step, value) => {
    calls = 0;
    const { progress } = await train({ steps: 16, validation: validation(more) as FitOptions<Batch>['validation'] });
    expect(progress.best).toEqual({ step, value });
  });

  test('one that was interrupted counts nothing, and is done again', async () => {
    const store = new MemoryCheckpoints();
    const controller = new AbortController();
    const interrupted = await train({
      store,
      steps: 4,
      signal: controller.signal,
      validation: validation({
        run: async () => {
          controller.abort();
          return { PER: 0 };
        },
      }),
    });
    expect(interrupted).toMatchObject({ reason: 'interrupted', progress: { step: 2, validated: 0, best: null } });
    calls = 0;
    const resumed = await train({ store, steps: 4, validation: validation() }, true);
    expect(resumed.progress.best).toEqual({ step: 4, value: 3 });
    expect(calls).toBe(2);
  });

  test('NaN is never the best, and a missing metric is an error', async () => {
    const run = (PER: number) => ({ every: 4, metric: 'PER', run: () => Promise.resolve({ PER }) });
    expect((await train({ steps: 4, validation: run(NaN) })).progress.best).toBeNull();
    const missing = { ...run(1), metric: 'BLEU' };
    await expect(train({ steps: 4, validation: missing })).rejects.toThrow("the validation gave no 'BLEU', but PER");
  });
});

describe('what cannot go on says why', () => {
  test('a loss that is not finite', async () => {
    const step = () => Promise.resolve({ loss: NaN });
    await expect(train({ step })).rejects.toThrow('the loss is NaN at step 1');
  });

  test('options, and batches that end', async () => {
    await expect(train({ steps: 0 })).rejects.toThrow('fit: steps is 0, expected a whole number of at least 1');
    const batches = { from: () => [] };
    await expect(train({ batches })).rejects.toThrow('the batches ended after 0 of 12 steps');
  });

  test('a damaged checkpoint: the one before it is taken, and it is said', async () => {
    const store = new MemoryCheckpoints();
    const expected = await train({ store });
    store.files.set(12, store.files.get(12)!.slice(0, -8));
    store.files.set(99, new Uint8Array(3));
    const notices: string[] = [];
    const again = await train({ store, onNotice: (text) => notices.push(text) }, true);
    expect(notices).toHaveLength(2);
    expect([...store.files.keys()].sort((a, b) => a - b)).toEqual([9, 12]); // what was passed over is gone
    expect(notices[1]).toMatch(/truncated.*; going on from the checkpoint before it$/);
    expect(again.weights).toEqual(expected.weights);
  });

  test('checkpoints that are all damaged, or cannot be read at all, begin nothing anew', async () => {
    const store = new MemoryCheckpoints();
    const log = new ListLog();
    await train({ store, logs: { log } });
    const kept = new Map(store.files);
    for (const step of store.files.keys()) store.files.set(step, new Uint8Array(3));
    await expect(train({ store, logs: { log } }, true)).rejects.toThrow(/safetensors/);
    store.load = () =>
      Promise.reject(Object.assign(new Error('no permission'), { name: 'SafetensorsError', code: 'unreadable' }));
    for (const [step, bytes] of kept) store.files.set(step, bytes);
    await expect(train({ store, logs: { log } }, true)).rejects.toThrow('no permission');
    expect(log.records).toHaveLength(12);
  });

  test('a checkpoint of another run, and weights that are not finite', async () => {
    const store = new MemoryCheckpoints();
    const named = (run: string) => ({ checkpoints: { store, every: 3, resume: true, run } });
    await train(named('a'));
    await expect(train({ ...named('b'), steps: 13 })).rejects.toThrow('checkpoint 12 is of another run');
    expect((await train({ ...named('a'), steps: 13 })).progress.step).toBe(13);
    const { model, ...rest } = setUp();
    const step: typeof rest.step = async (group) => {
      const report = await rest.step(group);
      await model.hidden.bias!.load(new Float32Array(8).fill(NaN));
      return report;
    };
    const other = new MemoryCheckpoints();
    const options = {
      ...rest,
      step,
      batches: source(4),
      steps: 1,
      checkpoints: { store: other, every: 1, resume: false },
    };
    await expect(fit(options)).rejects.toThrow("'model.hidden.bias' is not finite after step 1");
    expect(other.files.size).toBe(0);
  });

  test.each([
    ['formatVersion', '2', 'checkpoint 12 has format version 2, this release reads 1'],
    ['format', 'pt', 'checkpoint 12 is not a checkpoint of @qkv/training'],
    ['progress', '{"step":-1}', 'checkpoint 12: its progress.step is damaged or missing'],
    ['progress', '{', 'checkpoint 12: its progress is damaged or missing'],
  ])('a checkpoint with another %s', async (key, value, message) => {
    const store = new MemoryCheckpoints();
    await train({ store });
    const load = store.load.bind(store);
    store.load = async (step) => {
      const file = await load(step);
      return { ...file, metadata: { ...file.metadata, [key]: value } };
    };
    await expect(train({ store }, true)).rejects.toThrow(message);
  });

  test('a checkpoint of another model; another arithmetic is only a notice', async () => {
    const store = new MemoryCheckpoints();
    await train({ store });
    await expect(train({ store, average: true }, true)).rejects.toThrow(
      'checkpoint 12 is of another model or optimiser: missing: average.',
    );
    const load = store.load.bind(store);
    store.load = async (step) => {
      const file = await load(step);
      return { ...file, metadata: { ...file.metadata, numerics: 'abacus' } };
    };
    const notices: string[] = [];
    await train({ store, steps: 13, onNotice: (text) => notices.push(text) }, true);
    expect(notices[0]).toMatch('checkpoint 12 was made with abacus arithmetic, and goes on with reference');
  });
});
