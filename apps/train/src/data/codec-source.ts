import { trainTokenizer, Vocabulary } from '@qkv/tokenizers';

import { Failure } from '../failure';
import { specialTokens, type TextCodec, TokenizerCodec, VocabularyCodec } from '../model/codec';
import type { StageReport } from '../terminal/stage-progress';
import { type CodecOption, type CodecSpec, isUnit, KNOWN, parseTrained } from './codec-option';
import { readTokenizerFile, type TokenizerFile } from './tokenizer-file';

/** Most ids, of which vocabularies in use have a million at most. */
const MOST_ROWS = 1_000_000;

/** What makes the tokens of a side, before its texts are known. */
export interface CodecSource {
  readonly spec: CodecSpec;
  /** Whether how long a text is depends on the texts that it is trained on. */
  readonly isTrained: boolean;
  readonly create: (texts: Iterable<string>, onProgress?: (report: StageReport) => void) => TextCodec;
}

/** Reads the file, if it is one that no run has yet. */
export async function codecSource(option: CodecOption | CodecSpec): Promise<CodecSource> {
  if (typeof option === 'object') {
    const { path } = option;
    if ('digest' in option) {
      const create = (): never => {
        throw new Failure(`${path} belongs to a run that has it in its folder`);
      };
      return { spec: option, isTrained: false, create };
    }
    const { digest, tokenizer } = await readNamed(path);
    requireRows(tokenizer.idBound, path);
    return { spec: { path, digest }, isTrained: false, create: () => new TokenizerCodec(tokenizer) };
  }
  if (isUnit(option)) {
    const create = (texts: Iterable<string>) => new VocabularyCodec(Vocabulary.train(texts, { unit: option }));
    return { spec: option, isTrained: false, create };
  }
  const { preset, size } = parseTrained(option)!;
  return {
    spec: option,
    isTrained: true,
    create(texts, onProgress) {
      const unkToken = specialTokens[3];
      return new TokenizerCodec(
        trainTokenizer(texts, { preset, vocabSize: size, specialTokens, unkToken, onProgress }),
      );
    },
  };
}

/** A model has a row for each id, used or not, and all of them are kept several times. */
function requireRows(rows: number, path: string): void {
  if (rows <= MOST_ROWS) return;
  throw new Failure(
    `${path}: its ids go up to ${count(rows - 1)} and need an embedding of ${count(rows)} rows, more than ${count(MOST_ROWS)}; give its last tokens smaller ids`,
  );
}

const count = (n: number): string => n.toLocaleString('en');

/** A mistyped `bpe:8000` is taken for a path, hence what else could have been meant. */
async function readNamed(path: string): Promise<TokenizerFile> {
  try {
    return await readTokenizerFile(path);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw error;
    throw new Failure(`${(error as Error).message}; a tokenizer is one of ${KNOWN}`, { cause: error });
  }
}
