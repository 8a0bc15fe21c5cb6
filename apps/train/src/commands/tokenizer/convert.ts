import type { TiktokenEncoding } from '@qkv/tokenizers';

import { readTokenizerFile } from '../../data/tokenizer-file';
import { writeOutput } from '../../output';
import { requireWritable } from './train';

export interface ConvertOptions {
  readonly overwrite: boolean;
  /** Of a `.tiktoken` file, whose name does not say it. */
  readonly encoding?: TiktokenEncoding;
}

/** `tokenizer convert`: any tokenizer as a tokenizer.json. */
export async function convertTokenizer(
  input: string,
  output: string,
  { overwrite, encoding }: ConvertOptions,
): Promise<void> {
  const { tokenizer } = await readTokenizerFile(input, encoding);
  await requireWritable(output, overwrite);
  await writeOutput(output, `${JSON.stringify(tokenizer, null, 2)}\n`);
  console.log(`${tokenizer.size.toLocaleString('en')} tokens: saved in ${output}`);
}
