import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import {
  bpeFilesToTokenizerJson,
  readBpeFiles,
  readSentencePiece,
  readTiktoken,
  readTokenizer,
  readWordPieceFile,
  sentencePieceToTokenizerJson,
  tiktokenPresets,
  tiktokenToTokenizerJson,
  type Tokenizer,
  wordPieceToTokenizerJson,
} from '@qkv/tokenizers';

import { describeError, Failure, systemReason } from '../failure';

/** A tokenizer as somebody has saved it. */
export interface TokenizerFile {
  readonly path: string;
  /** What kind of file it is. */
  readonly kind: string;
  /** SHA-256 of the bytes, of both files where there are two. */
  readonly digest: string;
  readonly tokenizer: Tokenizer;
}

export type TiktokenEncoding = keyof typeof tiktokenPresets;
export const tiktokenEncodings = Object.keys(tiktokenPresets) as TiktokenEncoding[];

/**
 * Reads a tokenizer.json, a SentencePiece `.model`, a `.tiktoken` file, BERT's `vocab.txt`, or GPT-2's `vocab.json` with
 * the `merges.txt` beside it: what it is, its content tells.
 *
 * @throws Failure that names the file and what is wrong with it.
 */
export async function readTokenizerFile(path: string, encoding?: TiktokenEncoding): Promise<TokenizerFile> {
  const bytes = await read(path);
  const parts = [bytes];
  try {
    const { kind, tokenizer } = await parse(path, bytes, encoding, async (name) => {
      const other = await read(join(dirname(path), name));
      parts.push(other);
      return textOf(name, other);
    });
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return { path, kind, digest: hash.digest('hex'), tokenizer };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path}: ${describeError(error)}`, { cause: error });
  }
}

type Parsed = Pick<TokenizerFile, 'kind' | 'tokenizer'>;

async function parse(
  path: string,
  bytes: Uint8Array,
  encoding: TiktokenEncoding | undefined,
  readBeside: (name: string) => Promise<string>,
): Promise<Parsed> {
  const name = basename(path);
  // A SentencePiece model begins with the tag of its first field, which as text would be an empty line.
  if (name.endsWith('.model') || bytes[0] === 0x0a) {
    const tokenizer = readTokenizer(sentencePieceToTokenizerJson(readSentencePiece(bytes)));
    return { kind: 'SentencePiece model', tokenizer };
  }
  const text = textOf(path, bytes);
  if (name.endsWith('.tiktoken') || /^[A-Za-z0-9+/]+={0,2} \d+\r?\n/.test(text)) {
    const chosen = encoding ?? tiktokenEncodings.find((known) => name.includes(known));
    if (chosen === undefined) {
      throw new Failure(
        `${path} does not say how it cuts text; have the encoding in its name, or convert it with --encoding: ${tiktokenEncodings.join(', ')}`,
      );
    }
    const json = tiktokenToTokenizerJson(readTiktoken(text), tiktokenPresets[chosen]);
    return { kind: `tiktoken file of ${chosen}`, tokenizer: readTokenizer(json) };
  }
  if (/^\s*\{/.test(text) && isVocabulary(text)) {
    const merges = name.replace('vocab.json', 'merges.txt');
    if (merges === name) throw new Failure(`${path} is a vocabulary alone; its name should end in vocab.json, with a merges.txt beside it`);
    const files = readBpeFiles(text, await readBeside(merges));
    const style = files.vocab.has('<s>') && files.vocab.has('</s>') ? 'roberta' : 'gpt2';
    return { kind: `${name} and ${merges}`, tokenizer: readTokenizer(bpeFilesToTokenizerJson(files, { style })) };
  }
  if (name.endsWith('merges.txt')) throw new Failure(`${path} holds merges alone; name the vocab.json beside it`);
  if (/^\[UNK\]\r?$/m.test(text)) {
    // BERT's cased vocabularies have capitals, the others have none.
    const lowercase = !/^(?!\[).*\p{Lu}/mu.test(text);
    const json = wordPieceToTokenizerJson(readWordPieceFile(text), { lowercase });
    return { kind: `vocab.txt, ${lowercase ? 'uncased' : 'cased'}`, tokenizer: readTokenizer(json) };
  }
  if (/^\s*[[{]/.test(text) || name.endsWith('.json')) return { kind: 'tokenizer.json', tokenizer: readTokenizer(text) };
  throw new Failure(
    `${path} is no tokenizer: expected a tokenizer.json, a SentencePiece .model, a .tiktoken file, vocab.txt, or vocab.json with merges.txt`,
  );
}

/** Whether JSON is token → id, and no tokenizer. */
function isVocabulary(text: string): boolean {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    return !('model' in json && typeof json.model === 'object') && Object.values(json).some(Number.isInteger);
  } catch {
    return false; // the reader says what is wrong
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${systemReason(error, 'read')}`, { cause: error });
  }
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(`${path} is neither UTF-8 text nor a SentencePiece .model; get it again`);
  }
}
