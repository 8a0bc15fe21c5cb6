import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readTokenizer, Vocabulary } from '@qkv/tokenizers';
import { writeFileDurably } from '@qkv/safetensors/node';
import { z } from 'zod';

import { type CodecSpec, describeSpec, isTrained } from '../data/codec-option';
import { contentOf, contentOfSpec, type DataSource } from '../data/task';
import { describeError, Failure, systemReason } from '../failure';
import { type TextCodec, TOKENIZER_FORMAT, TokenizerCodec, VocabularyCodec } from '../model/codec';
import type { Codecs } from '../model/model';
import { type PartialRecipe, partialRecipeSchema, type Recipe, recipeSchema, type SettingName } from '../recipe';
import { files } from './folder';

const FORMAT = 'qkv.run';
const FORMAT_VERSION = 1;

/** What decides a run. Written when it begins. */
export interface RunConfig {
  readonly data: DataSource;
  readonly recipe: Recipe;
  readonly codecs: Codecs;
}

const dataFile = z.strictObject({ path: z.string(), digest: z.string() });
const unit = z.union([
  z.enum(['character', 'word']),
  z.custom<Extract<CodecSpec, `${string}:${number}`>>(
    isTrained,
    'Expected character, word, or a name and a size, as in bpe:8000.',
  ),
  dataFile,
]);
const data = z.discriminatedUnion('task', [
  z.strictObject({ task: z.literal('g2p') }),
  z.strictObject({
    task: z.literal('seq2seq'),
    train: dataFile,
    valid: dataFile.nullable(),
    sourceUnit: unit,
    targetUnit: unit,
  }),
]);
const header = { format: z.literal(FORMAT), formatVersion: z.literal(FORMAT_VERSION) };
const configSchema = z.strictObject({
  ...header,
  data,
  recipe: recipeSchema,
  vocabularies: z.strictObject({ source: z.unknown(), target: z.unknown() }),
});
/** A file with settings: a run's config, of which only the recipe counts, or `{"recipe":{…}}` with some settings. */
const settingsSchema = z.strictObject({
  ...z.object(header).partial().shape,
  data: z.unknown().optional(),
  vocabularies: z.unknown().optional(),
  recipe: partialRecipeSchema,
});

export const configPath = (folder: string): string => join(folder, 'config.json');

const sides = ['source', 'target'] as const;
type Side = (typeof sides)[number];

/** What may change when a run goes on: how long it takes, and what is kept. */
const extensible: readonly SettingName[] = [
  'steps',
  'epochs',
  'validateEvery',
  'patience',
  'checkpointEvery',
  'keepLast',
];

/** Names the run: equal for two configs that one run may have had, one after the other. */
export function runDigest({ data, recipe, codecs }: RunConfig): string {
  const identity = Object.entries(recipe).filter(
    ([name, value]) => value !== undefined && !extensible.includes(name as SettingName),
  );
  const text = JSON.stringify([contentOf(data), identity.sort(([a], [b]) => (a < b ? -1 : 1)), codecs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What of a run's config forbids that it goes on under another one; undefined if nothing does. */
export function differenceOf(before: RunConfig, after: RunConfig): string | undefined {
  for (const side of sides) {
    const [old, now] = [specOf(before.data, side), specOf(after.data, side)];
    if (old === undefined || now === undefined || contentOfSpec(old) === contentOfSpec(now)) continue;
    const isSameName = describeSpec(old) === describeSpec(now);
    return `its ${side} tokens are ${describeSpec(old)}, not ${describeSpec(now)}${isSameName ? ' as it is now' : ''}`;
  }
  if (JSON.stringify(contentOf(before.data)) !== JSON.stringify(contentOf(after.data))) return 'its data are others';
  for (const name of Object.keys({ ...before.recipe, ...after.recipe }) as SettingName[]) {
    if (before.recipe[name] === after.recipe[name] || extensible.includes(name)) continue;
    return `its ${name} is ${String(before.recipe[name])}, not ${String(after.recipe[name])}`;
  }
  return runDigest(before) === runDigest(after) ? undefined : 'its tokens are others';
}

const specOf = (data: DataSource, side: Side): CodecSpec | undefined =>
  data.task === 'g2p' ? undefined : data[`${side}Unit`];

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
  const { recipe, vocabularies, data } = check(configSchema, json, file);
  const source = await readCodec(folder, 'source', vocabularies.source);
  return { data, recipe, codecs: { source, target: await readCodec(folder, 'target', vocabularies.target) } };
}

/** The files of a run that hold tokenizers, and their contents. */
export const tokenizerFiles = (codecs: Codecs): [file: string, text: string][] =>
  sides.flatMap((side) => {
    const codec = codecs[side];
    return codec instanceof TokenizerCodec ? [[files.tokenizers[side], codec.text]] : [];
  });

async function readCodec(folder: string, side: Side, json: unknown): Promise<TextCodec> {
  const { format, digest } = (json ?? {}) as { format?: unknown; digest?: unknown };
  if (format !== TOKENIZER_FORMAT) {
    try {
      return new VocabularyCodec(Vocabulary.fromJSON(json));
    } catch (error) {
      throw new Failure(`${configPath(folder)}: ${describeError(error)}`);
    }
  }
  const file = join(folder, files.tokenizers[side]);
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

/** The settings of a file that the user names. */
export async function readSettings(file: string): Promise<PartialRecipe> {
  const json = await readJson(file);
  if (json === undefined) throw new Failure(`cannot read ${file}: there is no such file`);
  const { format } = (json ?? {}) as { format?: unknown };
  if (format !== undefined && format !== FORMAT) throw new Failure(`${file} is not a config of this application`);
  return check(settingsSchema, json, file).recipe;
}

/** The content of a JSON file; undefined if there is none. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new Failure(`cannot read ${file}: ${systemReason(error, 'read')}`);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new Failure(`${file} is not JSON (${describeError(error)})`);
  }
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
