import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { readTokenizerFile as parseTokenizer, type TiktokenEncoding, type Tokenizer } from '@qkv/tokenizers';

import { describeError, Failure, systemReason } from '../failure';

/** A tokenizer as somebody has saved it. */
export interface TokenizerFile {
  readonly path: string;
  /** SHA-256 of the bytes, of both files where there are two. */
  readonly digest: string;
  readonly tokenizer: Tokenizer;
}

/**
 * Reads a tokenizer.json, a SentencePiece `.model`, a `.tiktoken` file, BERT's `vocab.txt`, or GPT-2's `vocab.json` with
 * the `merges.txt` beside it: which it is, its content tells.
 *
 * @throws Failure that names the file and what is wrong with it.
 */
export async function readTokenizerFile(path: string, tiktoken?: TiktokenEncoding): Promise<TokenizerFile> {
  const name = basename(path);
  const bytes = await read(path);
  const mergesPath = path.replace(/vocab\.json$/, 'merges.txt');
  const merges = mergesPath === path ? undefined : await read(mergesPath);
  const hash = createHash('sha256').update(bytes);
  if (merges !== undefined) hash.update(merges);
  const digest = hash.digest('hex');
  try {
    const tokenizer = parseTokenizer(bytes, { name, merges, tiktoken, lowercase: !isCased(bytes) });
    return { path, digest, tokenizer };
  } catch (error) {
    const [message, own] = [describeError(error), `${name}: `];
    throw new Failure(`${path}: ${message.startsWith(own) ? message.slice(own.length) : message}`, { cause: error });
  }
}

/** Of BERT's vocabularies, those for cased text have capitals, beside the special tokens. */
const isCased = (bytes: Uint8Array): boolean => /^(?!\[).*\p{Lu}/mu.test(new TextDecoder().decode(bytes));

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${systemReason(error, 'read')}`, { cause: error });
  }
}
