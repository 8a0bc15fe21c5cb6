import type { Tokenizer } from '@qkv/tokenizers';

import { linesOfInput } from '../../data/lines';
import { readTokenizerFile } from '../../data/tokenizer-file';
import { Failure } from '../../failure';
import { print } from './encode';

export interface DecodeCommandOptions {
  readonly tokenizer: string;
  readonly keepSpecial?: boolean;
  /** Ids that are no tokens become the unknown token. */
  readonly unknown?: boolean;
  /** As JSON strings: a text may have several lines. */
  readonly json?: boolean;
}

/** `tokenizer decode`: the text of ids, or of each line of them. */
export async function decodeIds(given: readonly string[], options: DecodeCommandOptions): Promise<void> {
  const { keepSpecial = false, unknown = false, json } = options;
  const { tokenizer } = await readTokenizerFile(options.tokenizer);
  const decode = async (text: string, place: string): Promise<void> => {
    const ids = parseIds(text, place);
    if (!unknown) requireTokens(tokenizer, ids, place);
    const decoded = tokenizer.decode(ids, {
      skipSpecialTokens: !keepSpecial,
      onUnknownId: unknown ? 'unknown' : 'error',
    });
    await print(json ? JSON.stringify(decoded) : decoded);
  };
  if (given.length > 0) return decode(given.join(' '), '');
  let number = 0;
  for await (const line of linesOfInput()) await decode(line, `standard input, line ${++number}: `);
}

/** `1 2 3`, `1,2,3` or `[1, 2, 3]`. */
function parseIds(text: string, place: string): number[] {
  const words = text.split(/[\s,[\]]+/).filter((word) => word !== '');
  return words.map((word, i) => {
    if (/^\d{1,15}$/.test(word)) return Number(word);
    throw new Failure(`${place}${JSON.stringify(word)} at position ${i} is no id; expected whole numbers from 0`);
  });
}

function requireTokens(tokenizer: Tokenizer, ids: readonly number[], place: string): void {
  const at = ids.findIndex((id) => tokenizer.idToToken(id) === undefined);
  if (at < 0) return;
  throw new Failure(
    `${place}id ${ids[at]} at position ${at} is no token; ids run from 0 to ${tokenizer.idBound - 1}; --unknown decodes it as the unknown token`,
  );
}
