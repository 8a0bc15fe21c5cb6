import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { loadStateDict, type Module, stateDict } from '@qkv/nn';
import { dequantize, type TensorEntry } from '@qkv/safetensors';
import {
  readSafetensors,
  readShardedSafetensors,
  writeSafetensors,
  writeShardedSafetensors,
} from '@qkv/safetensors/node';

import { describeError, Failure } from '../failure';
import { configPath, kindOf, readConfig, type RunConfig, runDigest } from './config';
import { files } from './folder';
import type { LoadedRun, RunModel } from './kind';

const FORMAT = 'qkv.model';
const FORMAT_VERSION = '1';

/** The config of a folder that must hold a run. */
export async function requireConfig(folder: string): Promise<RunConfig> {
  const config = await readConfig(folder);
  if (config !== undefined) return config;
  throw new Failure(`there is no run in ${resolve(folder)}; train first, or name another folder`);
}

const INDEX = `${files.model}.index.json`;

/** Whether a file of a folder is, or is a part of, its model. */
export const isModelFile = (name: string): boolean => name === INDEX || /^model(-\S+-of-\d+)?\.safetensors$/.test(name);

/** A model's tensors as they are stored, in one file or several. */
async function readModel(
  folder: string,
): Promise<{ file: string; tensors: Map<string, TensorEntry>; metadata: Record<string, string> }> {
  const isSharded = (await stat(join(folder, INDEX)).catch(() => undefined)) !== undefined;
  const file = join(folder, isSharded ? INDEX : files.model);
  const read = isSharded ? readShardedSafetensors(file) : readSafetensors(file);
  const stored = await read.catch((error: unknown) => {
    if (isSharded || (error as { code?: unknown }).code !== 'not-found') throw error;
    throw new Failure(`the run in ${resolve(folder)} has no model yet; finish it with --resume auto`);
  });
  if (!('quantization' in stored.metadata)) return { file, ...stored };
  try {
    return { file, ...dequantize(stored) };
  } catch (error) {
    throw new Failure(`${file}: ${describeError(error)}`, { cause: error });
  }
}

/** Loads a run's model; everything is checked before anything is used. */
export async function loadRun(folder: string): Promise<LoadedRun> {
  const config = await requireConfig(folder);
  const { file, tensors, metadata } = await readModel(folder);
  checkMetadata(file, metadata);
  if (metadata.run !== runDigest(config)) {
    throw new Failure(`${file} and ${files.config} beside it are of different runs; train again`);
  }
  const kind = kindOf(config.data);
  const model = kind.createModel(config);
  await loadWeights(model.module, tensors, file, configPath(folder));
  return { folder, kind, config, model, step: Number(metadata.step) };
}

async function loadWeights(
  module: Module,
  tensors: ReadonlyMap<string, TensorEntry>,
  file: string,
  config: string,
): Promise<void> {
  try {
    await loadStateDict(module, tensors);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Failure(`${file} is not the model that ${config} describes: ${shorten(describeError(error))}`);
  }
}

function checkMetadata(file: string, { format, formatVersion }: Readonly<Record<string, string>>): void {
  if (format !== FORMAT) throw new Failure(`${file} is not a model of this application`);
  if (formatVersion !== FORMAT_VERSION) {
    throw new Failure(`${file} has format version ${formatVersion}, this release reads ${FORMAT_VERSION}`);
  }
}

/** The float32 model that a folder holds, undefined if it holds none of this run. */
export async function savedModel(
  folder: string,
  config: RunConfig,
): Promise<{ readonly step: number; readonly tensors: Map<string, TensorEntry> } | undefined> {
  const found = await readSafetensors(join(folder, files.model)).catch(() => undefined);
  if (found === undefined || 'quantization' in found.metadata) return undefined;
  const { format, run, step } = found.metadata;
  return format === FORMAT && run === runDigest(config) ? { step: Number(step), tensors: found.tensors } : undefined;
}

/** Writes weights as the model of a run: in one file, or in several of at most so many bytes. */
export async function saveModel(
  folder: string,
  config: RunConfig,
  {
    tensors,
    metadata: own = {},
  }: { readonly tensors: ReadonlyMap<string, TensorEntry>; readonly metadata?: Readonly<Record<string, string>> },
  step: number,
  maxShardBytes?: number,
): Promise<void> {
  const metadata = {
    ...own,
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    run: runDigest(config),
    step: String(step),
  };
  if (maxShardBytes === undefined) return writeSafetensors(join(folder, files.model), tensors, metadata);
  await writeShardedSafetensors(folder, 'model', tensors, { maxShardBytes, metadata });
}

/** The weights of a model that runs. */
export async function tensorsOfModel({ module }: RunModel): Promise<Map<string, TensorEntry>> {
  const state = await stateDict(module);
  return new Map(
    [...state].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data: data as Float32Array }]),
  );
}

/** The weights in a checkpoint that models are made of: their running average, if there is one. */
export function weightsIn(checkpoint: ReadonlyMap<string, TensorEntry>): Map<string, TensorEntry> {
  const names = [...checkpoint.keys()];
  const prefix = names.some((name) => name.startsWith('average.')) ? 'average.weights.' : 'model.';
  return new Map(
    names.filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), checkpoint.get(name)!]),
  );
}

export { loadWeights };

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text);
