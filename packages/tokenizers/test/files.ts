import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

import { TokenizerError } from '../src/error';

interface Model {
  /** The bytes in base64. */
  readonly model: string;
  readonly json: unknown;
}

/** Small files of each format, and what other libraries make of them: test/goldens/files.py. */
export interface FilesGolden {
  readonly bpeFiles: {
    readonly vocab: string;
    readonly merges: string;
    readonly gpt2: unknown;
    readonly roberta: unknown;
  };
  readonly wordPiece: { readonly vocab: string; readonly uncased: unknown; readonly cased: unknown };
  readonly tiktoken: { readonly file: string; readonly pattern: string; readonly json: unknown };
  readonly sentencePiece: Readonly<Record<'llama' | 'gemma' | 'unigram' | 'suffix' | 'char', Model>>;
  readonly testModel: { readonly json: unknown; readonly charsmapSha256: string };
}

const read = (name: string): Buffer => readFileSync(new URL(`goldens/${name}`, import.meta.url));

export const golden = JSON.parse(read('files.json').toString()) as FilesGolden;

export const testModel = new Uint8Array(read('test_model.model'));

export const modelBytes = (name: keyof FilesGolden['sentencePiece']): Uint8Array =>
  new Uint8Array(Buffer.from(golden.sentencePiece[name].model, 'base64'));

/** As it is in a file. */
export const throughText = (json: unknown): unknown => JSON.parse(JSON.stringify(json));

/** The message of the error with code 'invalid-file' that reading a bad file must give: one line, not long. */
export function fileFailure(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    expect(error.code).toBe('invalid-file');
    expect(error.message).toMatch(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{10,400}$/u);
    return error.message;
  }
  throw new Error('expected an error');
}

/** Whether `attempt` succeeds; throws unless its failure is as it must be. */
export function succeeds(attempt: () => unknown): boolean {
  let failed = true;
  try {
    attempt();
    failed = false;
  } catch (error) {
    fileFailure(() => {
      throw error;
    });
  }
  return !failed;
}

/** Numbers from 0 to below 1 that are the same each time: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
