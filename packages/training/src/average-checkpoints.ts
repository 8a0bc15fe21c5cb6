import type { LoadableEntry } from '@qkv/nn';

import { CheckpointError, checkpointFormat, type CheckpointStore } from './checkpoint';

export interface AverageCheckpointsOptions {
  /** k; 5, as the paper's base models (section 6.1; its big ones 20). `fit` must keep as many: `keepLast`. */
  readonly last?: number;
  /** Which of the parts that `fit` saves; `model`. */
  readonly part?: string;
}

/**
 * The mean of the weights in the last k checkpoints (Vaswani et al. 2017, section 6.1), for `loadStateDict(model, …)`: it
 * often does better than any of them. One is in memory at a time. See `averageStateDicts` for what is averaged.
 *
 * Throws a RangeError if there are fewer than k, a CheckpointError if a file is of another kind or lacks the part.
 */
export async function averageCheckpoints(
  store: CheckpointStore,
  { last = 5, part = 'model' }: AverageCheckpointsOptions = {},
): Promise<Map<string, LoadableEntry>> {
  if (!Number.isInteger(last) || last < 1) {
    throw new RangeError(`averageCheckpoints: last must be a positive integer, got ${last}`);
  }
  const steps = (await store.list()).slice(-last);
  if (steps.length < last) {
    throw new RangeError(
      `averageCheckpoints: there are ${steps.length} checkpoints, fewer than ${last}; let fit keep more of them (keepLast), or average fewer`,
    );
  }
  return averageStateDicts(partsOf(store, steps, part));
}

async function* partsOf(
  store: CheckpointStore,
  steps: readonly number[],
  part: string,
): AsyncGenerator<Map<string, LoadableEntry>> {
  for (const step of steps) {
    const where = store.describe(step);
    const { metadata, tensors } = await store.load(step);
    const { format, formatVersion } = checkpointFormat;
    if (metadata.format !== format || metadata.formatVersion !== formatVersion) {
      throw new CheckpointError(`${where} is not a checkpoint of this release of @qkv/training`);
    }
    const prefix = `${part}.`;
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    if (own.length === 0) throw new CheckpointError(`${where} has no part '${part}'`);
    yield new Map(own.map(([name, entry]) => [name.slice(prefix.length), entry]));
  }
}

/**
 * The mean of state dicts, element by element, summed in double precision in the order given and rounded once. Integers
 * and booleans, which have no mean, are those of the last.
 *
 * Throws a TypeError if two differ in names, shapes or types, a RangeError if there are none.
 */
export async function averageStateDicts(
  states: Iterable<ReadonlyMap<string, LoadableEntry>> | AsyncIterable<ReadonlyMap<string, LoadableEntry>>,
): Promise<Map<string, LoadableEntry>> {
  const sums = new Map<string, Float64Array>();
  let names: string | null = null;
  let latest: ReadonlyMap<string, LoadableEntry> = new Map();
  let count = 0;
  for await (const state of states) {
    const described = describeState(state);
    names ??= described;
    if (described !== names) {
      throw new TypeError(
        `averageStateDicts: state ${count} ${difference(names, described)}; average runs of one model`,
      );
    }
    for (const [name, { data }] of state) {
      if (!isFloat(data)) continue;
      const sum = sums.get(name) ?? new Float64Array(data.length);
      for (let i = 0; i < sum.length; i++) sum[i] += data[i];
      sums.set(name, sum);
    }
    latest = state;
    count++;
  }
  if (count === 0) throw new RangeError('averageStateDicts: expected at least one state, got none');
  const mean = ([name, { shape, data }]: [string, LoadableEntry]): [string, LoadableEntry] => {
    const sum = sums.get(name);
    return [name, { shape, data: sum === undefined ? data : Float32Array.from(sum, (value) => value / count) }];
  };
  return new Map([...latest].map(mean));
}

const isFloat = (data: LoadableEntry['data']): data is Float32Array | Float64Array =>
  ArrayBuffer.isView(data) && (data.constructor === Float32Array || data.constructor === Float64Array);

/** A line for each entry, in the order of names. */
function describeState(state: ReadonlyMap<string, LoadableEntry>): string {
  const lines = [...state].map(([name, { shape, data }]) => {
    return `'${name}' (${isFloat(data) ? 'float' : data.constructor.name} [${shape.join(', ')}])`;
  });
  return lines.sort().join('\n');
}

function difference(first: string, other: string): string {
  const [before, now] = [first.split('\n'), other.split('\n')];
  const lacks = before.filter((line) => !now.includes(line));
  const more = now.filter((line) => !before.includes(line));
  const text = [
    ['lacks', lacks],
    ['has', more],
  ] as const;
  return text
    .filter(([, lines]) => lines.length > 0)
    .map(([what, lines]) => `${what} ${lines.slice(0, 3).join(', ')}`)
    .join(' and ');
}
