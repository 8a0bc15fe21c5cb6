import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const data = fileURLToPath(new URL('../data', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

const unzipped = (file: string): string => gunzipSync(readFileSync(join(data, file))).toString('utf8');
const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};

/** Sentences in English and Chinese, each with its translation. Their authors are in the file. */
export const tatoeba = once((): readonly (readonly [english: string, chinese: string])[] =>
  unzipped('tatoeba-cmn-eng.txt.gz')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [english, chinese] = line.split('\t');
      return [english, chinese] as const;
    }),
);

/** Lines of a novel. */
export const botchan = once((): readonly string[] =>
  unzipped('botchan.txt.gz')
    .split('\n')
    .filter((line) => line !== ''),
);

/** Lines of this repository's own sources: text full of brackets, indentation and names. */
export const code = once((): readonly string[] => {
  const lines: string[] = [];
  for (const folder of ['packages/tokenizers/src', 'packages/tensor/src', 'tooling/checks', 'docs']) {
    for (const path of filesBelow(join(root, folder))) lines.push(...readFileSync(path, 'utf8').split('\n'));
  }
  return lines.filter((line) => line !== '');
});

function filesBelow(folder: string): string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') paths.push(...filesBelow(path));
    else if (/\.(ts|mjs|md|json)$/.test(entry.name)) paths.push(path);
  }
  return paths;
}

/** Sentences of UD English EWT where its files lie beside the repository; null elsewhere: their licence keeps them out of it. */
export const universalDependencies = once((): readonly string[] | null => {
  const path = join(root, '../shared/data/ud-english-ewt/en_ewt-ud-test.conllu');
  if (!existsSync(path)) return null;
  return Array.from(readFileSync(path, 'utf8').matchAll(/^# text = (.*)$/gm), ([, text]) => text);
});

export type GoldenCase = {
  readonly text: string;
  readonly text_pair?: string;
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly decoded: string;
};

/** Expected values by model, then by name. */
export const goldens = (file: 'bert' | 'llama'): Record<string, Record<string, GoldenCase>> =>
  JSON.parse(readFileSync(join(data, `${file}.json`), 'utf8')) as Record<string, Record<string, GoldenCase>>;

export const sentencePieceModel = (): Uint8Array =>
  readFileSync(join(root, 'packages/tokenizers/test/goldens/test_model.model'));
