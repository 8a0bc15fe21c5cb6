import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readTokenizer, Vocabulary } from '@qkv/tokenizers';
import { writeFileDurably } from '@qkv/safetensors/node';
import { z } from 'zod';

import { contentOfSpec, describeSpec } from '../data/codec-option';
import { describeError, Failure, systemReason } from '../failure';
import { kindNamed } from '../kinds/kinds';
import { type Codec, TOKENIZER_FORMAT, TokenizerCodec, VocabularyCodec } from '../model/codec';
import { SYMBOLS_FORMAT, Symbols } from '../model/symbols';
import { pairSettings, type Settings } from '../recipe';
import { files } from './folder';
import { readJson } from './json';
import type { Kind, RunConfig } from './kind';

export type { RunConfig } from './kind';

const FORMAT = 'qkv.run';
const FORMAT_VERSION = 1;

const header = { format: z.literal(FORMAT), formatVersion: z.literal(FORMAT_VERSION) };
/** A config of some kind of task, and a file with settings: a config, of which only the recipe counts, or `{"recipe":{…}}`. */
const configSchema = ({ dataSchema, settings }: Kind) =>
  z.strictObject({
    ...header,
    data: dataSchema,
    recipe: settings.schema,
    vocabularies: z.record(z.string(), z.unknown()),
  });
const settingsSchema = <R>({ partial }: Settings<R>) =>
  z.strictObject({
    ...z.object(header).partial().shape,
    data: z.unknown().optional(),
    vocabularies: z.unknown().optional(),
    recipe: partial,
  });

export const configPath = (folder: string): string => join(folder, 'config.json');

/** What may change when a run goes on: how long it takes, and what is kept. */
const extensible: readonly string[] = ['steps', 'epochs', 'validateEvery', 'patience', 'checkpointEvery', 'keepLast'];

/** Names the run: equal for two configs that one run may have had, one after the other. */
export function runDigest({ data, recipe, codecs }: RunConfig): string {
  const identity = Object.entries(recipe).filter(([name, value]) => value !== undefined && !extensible.includes(name));
  const text = JSON.stringify([kindOf(data).contentOf(data), identity.sort(([a], [b]) => (a < b ? -1 : 1)), codecs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What of a run's config forbids that it goes on under another one; undefined if nothing does. */
export function differenceOf(before: RunConfig, after: RunConfig): string | undefined {
  const [kind, other] = [kindOf(before.data), kindOf(after.data)];
  const [specs, others] = [kind.specsOf(before.data), other.specsOf(after.data)];
  for (const [name, old] of Object.entries(specs)) {
    const now = others[name];
    if (now === undefined || contentOfSpec(old) === contentOfSpec(now)) continue;
    const isSameName = describeSpec(old) === describeSpec(now);
    return `its ${name} tokens are ${describeSpec(old)}, not ${describeSpec(now)}${isSameName ? ' as it is now' : ''}`;
  }
  const content = (config: RunConfig, { contentOf }: Kind): string => JSON.stringify(contentOf(config.data));
  if (content(before, kind) !== content(after, other)) return 'its data are others';
  const [old, now] = [before.recipe, after.recipe] as unknown as Record<string, unknown>[];
  for (const name of Object.keys({ ...old, ...now })) {
    if (old[name] === now[name] || extensible.includes(name)) continue;
    return `its ${name} is ${String(old[name])}, not ${String(now[name])}`;
  }
  return runDigest(before) === runDigest(after) ? undefined : 'its tokens are others';
}

/** The kind of task of a config that has been read or made. */
export const kindOf = ({ task }: RunConfig['data']): Kind => kindNamed(task)!;

/** The files of tokenizers come first: where there is a config, there is all that it needs. */
export async function writeConfig(folder: string, { data, recipe, codecs }: RunConfig): Promise<void> {
  for (const [file, text] of tokenizerFiles(codecs)) await writeFileDurably(join(folder, file), text);
  const vocabularies = codecs;
  const text = JSON.stringify({ format: FORMAT, formatVersion: FORMAT_VERSION, data, recipe, vocabularies }, null, 2);
  await writeFileDurably(configPath(folder), `${text}\n`);
}

/** Whether a folder is that of a run, of whatever version. */
export async function isRun(folder: string): Promise<boolean> {
  const json = await readJson(configPath(folder)).catch(() => undefined);
  return (json as { format?: unknown } | null | undefined)?.format === FORMAT;
}

/** The config of a run; undefined if the folder holds none. @throws Failure if it is not as it should be. */
export async function readConfig(folder: string): Promise<RunConfig | undefined> {
  const file = configPath(folder);
  const json = await readJson(file);
  if (json === undefined) return undefined;
  const { format, formatVersion } = (json ?? {}) as { format?: unknown; formatVersion?: unknown };
  if (format !== FORMAT) throw new Failure(`${file} does not describe a run of this application`);
  if (formatVersion !== FORMAT_VERSION) {
    throw new Failure(
      `${file} has format version ${String(formatVersion)}, this release reads ${FORMAT_VERSION}; use the release that made it, or train again in another folder`,
    );
  }
  const { task } = ((json as { data?: unknown }).data ?? {}) as { task?: unknown };
  const kind = kindNamed(task);
  if (kind === undefined) throw new Failure(`${file}: data.task: this release knows no ${JSON.stringify(task)}`);
  const { recipe, vocabularies, data } = check(configSchema(kind), json, file);
  const codecs: Record<string, Codec> = {};
  for (const name of kind.codecNames(data)) codecs[name] = await readCodec(folder, name, vocabularies[name]);
  const surplus = Object.keys(vocabularies).find((name) => !(name in codecs));
  if (surplus !== undefined) throw new Failure(`${file}: vocabularies: unknown setting ${surplus}`);
  return { data, recipe, codecs };
}

/** The files of a run that hold tokenizers, and their contents. */
export const tokenizerFiles = (codecs: RunConfig['codecs']): [file: string, text: string][] =>
  Object.entries(codecs).flatMap(([name, codec]) =>
    codec instanceof TokenizerCodec ? [[tokenizerFile(name), codec.text]] : [],
  );

async function readCodec(folder: string, name: string, json: unknown): Promise<Codec> {
  const { format, digest } = (json ?? {}) as { format?: unknown; digest?: unknown };
  if (format !== TOKENIZER_FORMAT) {
    try {
      return format === SYMBOLS_FORMAT ? Symbols.fromJSON(json) : new VocabularyCodec(Vocabulary.fromJSON(json));
    } catch (error) {
      throw new Failure(`${configPath(folder)}: ${describeError(error)}`);
    }
  }
  const file = join(folder, tokenizerFile(name));
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Failure(`cannot read ${file}, which the run needs: ${systemReason(error, 'read')}`, { cause: error });
  });
  if (createHash('sha256').update(text).digest('hex') !== digest) {
    throw new Failure(`${file} has changed since training; put it back as it was`);
  }
  try {
    return new TokenizerCodec(readTokenizer(text), text);
  } catch (error) {
    throw new Failure(`${file}: ${describeError(error)}`, { cause: error });
  }
}

/** Only a few codecs may be tokenizers: see `files`. */
const tokenizerFile = (name: string): string => files.tokenizers[name as keyof typeof files.tokenizers];

/** The settings of a file that the user names. */
export async function readSettings<R>(
  file: string,
  settings = pairSettings as unknown as Settings<R>,
): Promise<Partial<R>> {
  const json = await readJson(file);
  if (json === undefined) throw new Failure(`cannot read ${file}: there is no such file`);
  const { format } = (json ?? {}) as { format?: unknown };
  if (format !== undefined && format !== FORMAT) throw new Failure(`${file} is not a config of this application`);
  return check(settingsSchema(settings), json, file).recipe;
}

function check<T>(schema: z.ZodType<T>, json: unknown, file: string): T {
  const { data: value, error } = schema.safeParse(json);
  if (error === undefined) return value as T;
  const [{ path, message, ...issue }] = error.issues;
  const place = path.length > 0 ? `${path.join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys')
    throw new Failure(`${file}: ${place}unknown setting ${issue.keys.join(', ')}`);
  throw new Failure(`${file}: ${place}${message}`);
}
