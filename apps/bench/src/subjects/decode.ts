import { GreedyDecoder, Transformer } from '@qkv/seq2seq';
import { compile, type Engine, tensor, type Tensor } from '@qkv/tensor';

import { timed } from '../clock';
import { createMeteredEngine } from '../engine';
import type { MeteredBackend } from '../metered-backend';
import type { Series, Settings, Subject } from '../subject';
import { DECODE_LENGTHS, DECODE_ROWS, DECODED, DECODING } from '../workload.mjs';

const { V, D, H, F, layers, S, length } = DECODING;
const START = 1;
/** Outside of the vocabulary: all sequences run to the end. */
const END = V;
/** Without a cache, targets are padded to a multiple of this: a handful of plans, and little work for nothing. */
const GRID = 16;
/** Tokens that are timed together at a length. */
const WINDOW = 8;

const ids = (rows: number, columns: number, seed: number): Tensor =>
  tensor(
    Int32Array.from({ length: rows * columns }, (_, i) => 2 + ((i * 7 + seed) % (V - 2))),
    [rows, columns],
  );

type Measure = (series: Series) => Promise<void>;

/** Milliseconds, of the clock and in JavaScript around the kernels. */
async function measured(backend: MeteredBackend, job: () => Promise<unknown>): Promise<{ ms: number; host: number }> {
  backend.milliseconds = 0;
  const { ms } = await timed(job);
  return { ms, host: ms - backend.milliseconds };
}

/** Everything that is timed for one number of rows. */
function batch(
  model: Transformer,
  engine: Engine,
  backend: MeteredBackend,
  rows: number,
  lengths: readonly number[],
): Measure[] {
  const source = ids(rows, S, 3);
  const tokens = DECODED(rows);
  const add = (series: Series, name: string, value: number): unknown =>
    (series[`B=${rows} ${name}`] ??= []).push(value);

  const common = { rows, sourceLength: S, startId: START, endId: END, engine };
  const decoder = new GreedyDecoder(model, { ...common, maxLength: tokens });
  const whole: Measure = async (series) => {
    const { ms, host } = await measured(backend, () => decoder.decode(source));
    add(series, 'tokens/s with cache', (1000 * rows * tokens) / ms);
    add(series, 'JavaScript µs', (1000 * host) / tokens); // of all rows together
  };

  // The same tokens by running the decoder over everything so far, each time. The source is encoded once.
  const encode = compile((x: Tensor) => model.encode(x), { engine, frozen: true });
  const next = compile(
    (target: Tensor, position: Tensor, memory: Tensor, x: Tensor) =>
      model.decode(target, memory, model.sourceMask(x)).permute([1, 0, 2]).gather(position).argMax(),
    { engine, frozen: true },
  );
  const token = async (
    target: Int32Array,
    columns: number,
    position: number,
    memory: Tensor,
  ): Promise<ArrayLike<number>> =>
    (await next(tensor(target, [rows, columns]), tensor(Int32Array.of(position), []), memory, source)).data();
  const recompute: Measure = async (series) => {
    const sofar = Array.from({ length: rows }, () => [START]);
    const { ms } = await measured(backend, async () => {
      const memory = await encode(source);
      for (let t = 0; t < tokens; t++) {
        const columns = GRID * Math.ceil((t + 1) / GRID);
        const target = new Int32Array(rows * columns);
        sofar.forEach((row, r) => target.set(row, r * columns));
        const best = await token(target, columns, t, memory);
        sofar.forEach((row, r) => row.push(best[r]));
      }
    });
    add(series, 'tokens/s without cache', (1000 * rows * tokens) / ms);
  };

  // A step of our own, as GreedyDecoder has it, so that single tokens can be timed at a position.
  const cache = model.createCache(rows, length, S);
  const begin = compile((x: Tensor): void => model.start(x, cache), { engine, frozen: true });
  const step = compile((last: Tensor) => model.next(last, cache).argMax(), { engine, frozen: true });
  const cached: Measure = async (series) => {
    await begin(source);
    for (let t = 0; t < 2 * GRID; t++) await step(tensor(new Int32Array(rows).fill(START), [rows])); // back in the caches
    await begin(source);
    let last: Tensor = tensor(new Int32Array(rows).fill(START), [rows]);
    let milliseconds = 0;
    for (let t = 1; t <= lengths.at(-1)!; t++) {
      const { ms } = await measured(backend, async () => {
        last = await step(last);
        await last.data();
      });
      const at = lengths.find((n) => t > n - WINDOW && t <= n);
      milliseconds = at === undefined ? 0 : milliseconds + ms;
      if (t === at) add(series, `ms with cache at ${at}`, milliseconds / WINDOW);
    }
  };
  const recomputed: Measure = async (series) => {
    const memory = await encode(source);
    for (const at of lengths) {
      const target = new Int32Array(rows * at).fill(START + 1);
      const { ms } = await measured(backend, () => token(target, at, at - 1, memory));
      add(series, `ms without cache at ${at}`, ms);
    }
  };
  return [whole, recompute, cached, recomputed];
}

/** Greedy decoding with the key-value cache and without. */
export async function create(settings: Settings): Promise<Subject> {
  const { backend, engine } = await createMeteredEngine(settings);
  const model = new Transformer({
    sourceVocabulary: V,
    targetVocabulary: V,
    dimension: D,
    heads: H,
    feedForward: F,
    encoderLayers: layers,
    decoderLayers: layers,
    normalization: 'pre',
    dropout: 0,
  });
  const rows = DECODE_ROWS.filter((B) => settings['rows'] === undefined || settings['rows'] === B);
  // Long targets of many rows take seconds without a cache.
  const lengthsOf = (B: number): number[] => DECODE_LENGTHS.filter((n) => settings['full'] === true || B * n <= 4096);
  const jobs = rows.flatMap((B) => batch(model, engine, backend, B, lengthsOf(B)));
  for (const job of jobs) await job({}); // warm-up: more tokens than V8 waits for
  return {
    facts: { numerics: backend.numerics, parameters: model.parameterCount() },
    async round(): Promise<Series> {
      const series: Series = {};
      for (const job of jobs) await job(series);
      return series;
    },
  };
}
