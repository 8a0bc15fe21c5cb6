import { show, TokenizerError } from './error';
import { bpeFilesToTokenizerJson, readBpeFiles } from './files/bpe-files';
import { readSentencePiece } from './files/sentencepiece';
import { sentencePieceToTokenizerJson } from './files/sentencepiece-json';
import { readTiktoken, tiktokenToTokenizerJson, type TiktokenOptions } from './files/tiktoken';
import { tiktokenPresets } from './files/tiktoken-presets';
import { readWordPieceFile, wordPieceToTokenizerJson } from './files/wordpiece-file';
import { readTokenizer } from './read-tokenizer';
import type { Tokenizer } from './tokenizer';

export type TiktokenEncoding = keyof typeof tiktokenPresets;

export interface ReadTokenizerFileOptions {
  /** What the file is called: errors say it, and a `.tiktoken` file is told by it which encoding it is. */
  readonly name: string;
  /** The `merges.txt` that goes with a `vocab.json`. */
  readonly merges?: Uint8Array;
  /** How a `.tiktoken` file is to be used, where its name does not say it. */
  readonly tiktoken?: TiktokenEncoding | TiktokenOptions;
  /** Whether a `vocab.txt` is of a model that makes no difference between upper and lower case. Default true, as BERT. */
  readonly lowercase?: boolean;
}

/**
 * The tokenizer in a file of any format that is known, told apart by what is in it: `tokenizer.json`, a SentencePiece
 * model, a `.tiktoken` file, `vocab.json` with `merges.txt`, `vocab.txt`.
 *
 * @throws TokenizerError that names the file, the place and what is wrong there.
 */
export function readTokenizerFile(bytes: Uint8Array, options: ReadTokenizerFileOptions): Tokenizer {
  try {
    return read(bytes, options);
  } catch (error) {
    if (!(error instanceof TokenizerError) || error.message.startsWith(options.name)) throw error;
    throw new TokenizerError(error.code, `${show(options.name)}: ${error.message}`, error.unknown);
  }
}

function read(bytes: Uint8Array, { name, merges, tiktoken, lowercase = true }: ReadTokenizerFileOptions): Tokenizer {
  if (bytes.length === 0) throw new TokenizerError('invalid-file', 'empty; expected a tokenizer');
  // A SentencePiece model is a protobuf message that begins with its first piece: field 1, of a length.
  if (bytes[0] === 0x0a && bytes.includes(0))
    return readTokenizer(sentencePieceToTokenizerJson(readSentencePiece(bytes)));
  const text = decodeText(bytes);
  if (/^\s*\{/.test(text)) {
    const json = parse(text);
    if (typeof json !== 'object' || json === null || 'model' in json) return readTokenizer(json);
    if (merges === undefined) {
      throw new TokenizerError('invalid-file', 'has no "model"; if it is a vocab.json, give its merges.txt as well');
    }
    return readTokenizer(bpeFilesToTokenizerJson(readBpeFiles(text, decodeText(merges)), { style: 'gpt2' }));
  }
  if (/^[A-Za-z0-9+/]+={0,2} \d+\r?$/m.test(text.slice(0, text.indexOf('\n') + 1 || undefined))) {
    const preset = tiktoken ?? presetOf(name);
    const ranks = readTiktoken(text);
    return readTokenizer(tiktokenToTokenizerJson(ranks, typeof preset === 'string' ? tiktokenPresets[preset] : preset));
  }
  return readTokenizer(wordPieceToTokenizerJson(readWordPieceFile(text), { lowercase }));
}

function presetOf(name: string): TiktokenEncoding {
  const names = Object.keys(tiktokenPresets) as TiktokenEncoding[];
  const found = names.find((preset) => name.includes(preset));
  if (found !== undefined) return found;
  throw new TokenizerError(
    'invalid-option',
    `which encoding it is must be said: one of ${names.join(', ')}, or a pattern`,
  );
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TokenizerError('invalid-file', 'neither a SentencePiece model nor text in UTF-8; is it the right file?');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TokenizerError('invalid-file', `not JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
}
