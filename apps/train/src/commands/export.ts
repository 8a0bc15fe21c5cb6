import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { quantize, type TensorEntry } from '@qkv/safetensors';
import { lockFolder } from '@qkv/training/node';

import { installEngine } from '../engine';
import { Failure } from '../failure';
import { readConfig, type RunConfig, runDigest, writeConfig } from '../run/config';
import { files, prepareFolder } from '../run/folder';
import type { LoadedRun, Scores } from '../run/kind';
import { describeScores } from '../run/scores';
import { isModelFile, loadRun, saveModel, tensorsOfModel } from '../run/weights';
import { withProgress } from '../terminal/progress';
import { type OutputMode, Reporter } from '../terminal/reporter';

export type WeightFormat = 'float32' | 'fp16' | 'int8';

export interface ExportOptions {
  readonly run: string;
  readonly format: WeightFormat;
  /** A folder; other commands take it as they take a run. */
  readonly output: string;
  /** Most megabytes of a file; one file by default. */
  readonly maxShard?: number;
  /** What to measure the loss with; by default the data that the run was validated with. */
  readonly test?: string;
  readonly mode: OutputMode;
}

/** `export`: writes the weights in another format, and tells what that costs: bytes, and error rates before and after. */
export async function exportWeights({ run, format, output, maxShard, test, mode }: ExportOptions): Promise<void> {
  const reporter = new Reporter(mode);
  await installEngine();
  const loaded = await loadRun(run);
  const { kind, config, model, step } = loaded;
  const examples =
    test === undefined
      ? kind.validationOf(await kind.loadTask(config))
      : (await kind.testExamples(loaded, { test, reporter })).examples;
  await prepareFolder(output, 4 * model.module.parameterCount() + 2 ** 20);
  if ((await realpath(output)) === (await realpath(run))) {
    throw new Failure('--output is the run itself, whose weights stay as they are; name another folder');
  }
  const before = await scoresOf(loaded, examples, mode);

  const lock = await lockFolder(output);
  try {
    await writeExport(output, config, await tensorsOfModel(model), step, format, maxShard);
  } finally {
    await lock.release();
  }

  const after = await scoresOf(await loadRun(output), examples, mode); // as a user will have it
  const bytes = await sizeOf(output);
  const full = await sizeOf(run);
  const what = test === undefined ? 'validation' : 'test';
  reporter.say(`before: ${describeScores(what, before, kind.judging)}`);
  reporter.say(`${format}: ${describeScores(what, after, kind.judging)}`);
  const [[leading, { label }]] = Object.entries(kind.judging.metrics);
  const difference = 100 * (after[leading] - before[leading]);
  reporter.say(
    `${bytes.toLocaleString('en')} bytes, ${(bytes / full).toFixed(3)} times those of the run; ` +
      `${label} ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(2)} points; in ${output}`,
  );
  reporter.event('export', { format, bytes, ratio: bytes / full, before, after });
}

async function writeExport(
  folder: string,
  config: RunConfig,
  weights: Map<string, TensorEntry>,
  step: number,
  format: WeightFormat,
  maxShard: number | undefined,
): Promise<void> {
  const there = await readConfig(folder);
  const isRun = (await stat(join(folder, files.checkpoints)).catch(() => undefined)) !== undefined;
  if (isRun || (there !== undefined && runDigest(there) !== runDigest(config))) {
    throw new Failure(`${resolve(folder)} holds another run; choose another --output`);
  }
  await writeConfig(folder, config);
  // Our matrices are stored (outputs, inputs), embeddings (ids, D): each row has a scale of its own.
  const reduced =
    format === 'float32' ? { tensors: weights, metadata: {} } : quantize(weights, format, { channelAxis: () => 0 });
  const shards = maxShard === undefined ? undefined : maxShard * 1e6;
  await saveModel(folder, config, reduced, step, shards);
  await removeOtherModel(folder, shards !== undefined);
}

/** What an earlier export has left in another number of files; only now that the new files are whole. */
async function removeOtherModel(folder: string, isSharded: boolean): Promise<void> {
  if (isSharded) return rm(join(folder, files.model), { force: true });
  // The index first: without it, its shards are nothing.
  const others = (await readdir(folder)).filter((name) => isModelFile(name) && name !== files.model);
  for (const name of others.sort((a, b) => Number(b.endsWith('.json')) - Number(a.endsWith('.json'))))
    await rm(join(folder, name));
}

async function scoresOf({ kind, model }: LoadedRun, examples: readonly unknown[], mode: OutputMode): Promise<Scores> {
  const judgements = await withProgress('examples', examples.length, mode === 'text', (onProgress) =>
    kind.judge(model, examples, { onProgress }),
  );
  return kind.score(judgements);
}

/** Bytes of the files of a model. */
async function sizeOf(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter(isModelFile);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
