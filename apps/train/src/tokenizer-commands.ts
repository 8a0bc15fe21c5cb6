import { type Command, InvalidArgumentError, Option } from 'commander';

import type { ConvertOptions } from './commands/tokenizer/convert';
import type { DecodeCommandOptions } from './commands/tokenizer/decode';
import type { EncodeCommandOptions } from './commands/tokenizer/encode';
import type { InspectOptions } from './commands/tokenizer/inspect';
import type { TrainTokenizerOptions } from './commands/tokenizer/train';

/** What is as with other commands. */
interface Shared {
  readonly modes: readonly Option[];
  readonly debug: () => Option;
  readonly modeOf: (flags: { json?: boolean; quiet?: boolean }) => TrainTokenizerOptions['mode'];
}

const models = ['bpe', 'wordpiece', 'unigram', 'sentencepiece-bpe', 'word', 'character'] as const;
const encodings = ['r50k_base', 'p50k_base', 'cl100k_base', 'o200k_base'] as const;
/** What may be named where a tokenizer is asked for. */
const FILE = 'tokenizer.json, SentencePiece .model, .tiktoken, vocab.txt, or vocab.json with merges.txt';

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };

/** One more of those that were given. */
function specialToken(token: string, others: readonly string[] = []): readonly string[] {
  if (token === '') throw new InvalidArgumentError('Expected a token that is not empty.');
  // More likely an option after one whose token was forgotten.
  if (token.startsWith('--')) throw new InvalidArgumentError('Expected a token that does not begin with --.');
  if (others.includes(token)) throw new InvalidArgumentError('It was given before.');
  return [...others, token];
}

/** Adds `tokenizer` and its commands. */
export function addTokenizerCommands(program: Command, { modes, debug, modeOf }: Shared): void {
  const tokenizer = program.command('tokenizer').description('train tokenizers, use them, and look into them');
  const [json] = modes;
  const file = (): Option => new Option('--tokenizer <file>', FILE).makeOptionMandatory();

  tokenizer
    .command('train')
    .description('train a tokenizer on the lines of text files, UTF-8')
    .argument('<files...>', 'texts, one a line')
    .addOption(new Option('--model <name>', 'what to train').choices(models).default('bpe'))
    .addOption(new Option('--vocab-size <n>', 'tokens in all').argParser(whole(16, 1_000_000)).default(8000))
    .option('--output <file>', 'where the tokenizer goes', 'tokenizer.json')
    .option('--overwrite', 'replace the file that is there')
    .addOption(new Option('--min-frequency <n>', 'leave out what occurs less often').argParser(whole(0, 2 ** 31 - 1)))
    .option('--lowercase', 'make no difference between upper and lower case')
    .addOption(
      new Option(
        '--special <token>',
        "a special token, in place of the model's own; repeat it for several, which get the first ids",
      ).argParser(specialToken),
    )
    .addOption(new Option('--column <n>', 'of tab-separated lines, take only this column').argParser(whole(1, 1000)))
    .addOption(modes[0])
    .addOption(modes[1])
    .addOption(debug())
    .action(async (files: string[], flags: TrainTokenizerOptions & { json?: boolean; quiet?: boolean }) => {
      const { trainTokenizerOn } = await import('./commands/tokenizer/train');
      await trainTokenizerOn(files, { ...flags, overwrite: flags.overwrite ?? false, mode: modeOf(flags) });
    });

  tokenizer
    .command('encode')
    .description('print the ids of texts: those given, or each line of a file or of standard input')
    .argument('[texts...]', 'texts')
    .addOption(file())
    .option('--file <file>', 'texts, one a line')
    .option('--pair <text>', 'a second text for each')
    .option('--tokens', 'print tokens, not ids')
    .option('--offsets', 'print where each begins and ends, in UTF-16 units')
    .option('--no-special', 'add no special tokens')
    .addOption(new Option('--max-length <n>', 'cut to so many tokens').argParser(whole(0, 2 ** 31 - 1)))
    .addOption(json)
    .addOption(debug())
    .action(async (texts: string[], options: EncodeCommandOptions) => {
      const { encodeTexts } = await import('./commands/tokenizer/encode');
      await encodeTexts(texts, options);
    });

  tokenizer
    .command('decode')
    .description('print the text of ids: those given, or those on each line of standard input')
    .argument('[ids...]', 'ids')
    .addOption(file())
    .option('--keep-special', 'print special tokens, too')
    .option('--unknown', 'take ids that are no tokens for the unknown token')
    .option('--json', 'print a JSON string a line: a text may have line ends in it')
    .addOption(debug())
    .action(async (ids: string[], options: DecodeCommandOptions) => {
      const { decodeIds } = await import('./commands/tokenizer/decode');
      await decodeIds(ids, options);
    });

  tokenizer
    .command('inspect')
    .description('show what a tokenizer is made of, and what it makes of a text')
    .argument('<file>', FILE)
    .option('--text <text>', 'a text to show as tokens')
    .option('--pair <text>', 'a second text')
    .addOption(json)
    .addOption(debug())
    .action(async (path: string, options: InspectOptions) => {
      const { inspectTokenizer } = await import('./commands/tokenizer/inspect');
      await inspectTokenizer(path, options);
    });

  tokenizer
    .command('convert')
    .description('write any tokenizer as a tokenizer.json')
    .argument('<input>', FILE)
    .argument('<output>', 'where the tokenizer.json goes')
    .option('--overwrite', 'replace the file that is there')
    .addOption(new Option('--encoding <name>', 'of a .tiktoken file whose name does not say it').choices(encodings))
    .addOption(debug())
    .action(async (input: string, output: string, options: Partial<ConvertOptions>) => {
      const { convertTokenizer } = await import('./commands/tokenizer/convert');
      await convertTokenizer(input, output, { ...options, overwrite: options.overwrite ?? false });
    });
}
