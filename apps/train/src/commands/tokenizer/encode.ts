import type { Encoding, EncodeOptions } from '@qkv/tokenizers';

import { linesOfFile, linesOfInput } from '../../data/lines';
import { readTokenizerFile } from '../../data/tokenizer-file';
import { describeError, Failure } from '../../failure';
import { visible } from '../../terminal/token-picture';

export interface EncodeCommandOptions {
  readonly tokenizer: string;
  /** Texts, a line each; without texts and file, standard input. */
  readonly file?: string;
  /** A second text for each. */
  readonly pair?: string;
  readonly special: boolean;
  readonly maxLength?: number;
  /** What of a token is shown. */
  readonly tokens?: boolean;
  readonly offsets?: boolean;
  readonly json?: boolean;
}

/** `tokenizer encode`: a line for each text. */
export async function encodeTexts(given: readonly string[], options: EncodeCommandOptions): Promise<void> {
  const { file, pair, special, maxLength } = options;
  if (file !== undefined && given.length > 0) throw new Failure('give texts or --file, not both');
  const { tokenizer } = await readTokenizerFile(options.tokenizer);
  const settings: EncodeOptions = {
    pair,
    addSpecialTokens: special,
    // What is cut off is not shown, so that the file's stride, which may be too long for this length, is of no use.
    truncation: maxLength === undefined ? undefined : { ...tokenizer.truncation, maxLength, stride: 0 },
  };
  const texts = given.length > 0 ? given : file === undefined ? linesOfInput() : linesOfFile(file);
  const name = given.length > 0 ? 'text' : `${file ?? 'standard input'}, line`;
  let number = 0;
  for await (const text of texts) {
    number++;
    let line: string;
    try {
      line = describe(tokenizer.encode(text, settings), options);
    } catch (error) {
      throw new Failure(`${name} ${number}: ${describeError(error)}`, { cause: error });
    }
    await print(line);
  }
}

function describe(encoding: Encoding, { tokens, offsets, json }: EncodeCommandOptions): string {
  if (json) {
    const { ids, typeIds, specialTokensMask } = encoding;
    return JSON.stringify({
      ids: [...ids],
      tokens: encoding.tokens,
      offsets: encoding.offsets,
      typeIds: [...typeIds],
      specialTokensMask: [...specialTokensMask],
    });
  }
  const shown = tokens ? encoding.tokens.map(visible) : [...encoding.ids].map(String);
  return shown.map((text, i) => (offsets ? `${text}[${encoding.offsets[i].join(',')})` : text)).join(' ');
}

/** Waits while the reader is slower than we are. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
}
