import { loadStateDict, stateDict, type Stateful } from '@qkv/nn';
import type { NamedTensors, SafetensorsFile, TensorEntry } from '@qkv/safetensors';
import type { Engine, Variable } from '@qkv/tensor';

import { parseProgress, type Progress, TrainingError } from './progress';

/** What a checkpoint file's metadata says it is. */
export const checkpointFormat = { format: 'qkv.checkpoint', formatVersion: '1' } as const;

/** What is in a checkpoint: all Variables by name, and the progress as metadata. */
export interface CheckpointFile {
  readonly tensors: NamedTensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Keeps checkpoints by step. A checkpoint is there whole or not at all. */
export interface CheckpointStore {
  /** Steps of the checkpoints, ascending. */
  list(): Promise<readonly number[]>;
  save(step: number, file: CheckpointFile): Promise<void>;
  load(step: number): Promise<SafetensorsFile>;
  remove(step: number): Promise<void>;
  /** Where the checkpoint of a step is, for messages. */
  describe(step: number): string;
}

/** A checkpoint that cannot be used. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/** What is trained and its companions, by name: `{ model, optimizer }`. */
export type Parts = Readonly<Record<string, Stateful>>;

/** All Variables of all parts, `model.encoder.…`, `optimizer.m.…`. */
export function variablesOf(parts: Parts): Stateful {
  const all = new Map<string, Variable>();
  for (const [part, stateful] of Object.entries(parts)) {
    for (const [name, variable] of stateful.namedVariables()) all.set(`${part}.${name}`, variable);
  }
  return { namedVariables: () => all };
}

/** Which arithmetic made the weights; a run that goes on under another one is not bit-identical. */
function numericsOf(parts: Parts): string | undefined {
  for (const { engine } of variablesOf(parts).namedVariables().values()) {
    if (engine !== null) return engine.backend.numerics;
  }
  return undefined;
}

const dtypes = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const;

/** @throws TrainingError if a value is not finite: such a checkpoint would be good for nothing. */
export async function takeCheckpoint(
  parts: Parts,
  progress: Progress,
  { run, engine }: { readonly run?: string; readonly engine?: Engine } = {},
): Promise<CheckpointFile> {
  const state = await stateDict(variablesOf(parts), { engine });
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { dtype, shape, data }] of state) {
    if (!allFinite(data)) throw new TrainingError(`'${name}' is not finite after step ${progress.step}`);
    tensors.set(name, { dtype: dtypes[dtype as keyof typeof dtypes], shape, data } as TensorEntry);
  }
  const numerics = numericsOf(parts) ?? 'unknown';
  const metadata = { ...checkpointFormat, numerics, progress: JSON.stringify(progress) };
  return { tensors, metadata: run === undefined ? metadata : { ...metadata, run } };
}

/** Infinity − Infinity and NaN − NaN are NaN, and x − x is 0 for all else. */
function allFinite(data: ArrayLike<number>): boolean {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] - data[i];
  return sum === 0;
}

/** Puts a checkpoint's values into the parts: all of them, or none and an error. Gives the progress, and a notice if there is one. */
export async function restoreCheckpoint(
  file: SafetensorsFile,
  parts: Parts,
  where: string,
  { run, engine }: { readonly run?: string; readonly engine?: Engine } = {},
): Promise<{ readonly progress: Progress; readonly notice?: string }> {
  const { metadata, tensors } = file;
  const { format, formatVersion } = checkpointFormat;
  if (metadata.format !== format) throw new CheckpointError(`${where} is not a checkpoint of @qkv/training`);
  if (metadata.formatVersion !== formatVersion) {
    throw new CheckpointError(
      `${where} has format version ${metadata.formatVersion}, this release reads ${formatVersion}; go on with the release that wrote it`,
    );
  }
  if (metadata.run !== run) throw new CheckpointError(`${where} is of another run; remove it, or go on with that run`);
  const progress = parseProgress(metadata.progress ?? '');
  if ('wrong' in progress) throw new CheckpointError(`${where}: its ${progress.wrong} is damaged or missing`);
  try {
    await loadStateDict(variablesOf(parts), tensors, { engine });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CheckpointError(`${where} is of another model or optimiser: ${shorten(error.message)}`, { cause: error });
  }
  const numerics = numericsOf(parts);
  const differs = numerics !== undefined && metadata.numerics !== numerics;
  const notice = `${where} was made with ${metadata.numerics} arithmetic, and goes on with ${numerics}: the last digits will differ`;
  return differs ? { progress, notice } : { progress };
}

const shorten = (text: string): string => {
  const line = text.replace(/^loadStateDict: nothing was loaded; /, '');
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
};
