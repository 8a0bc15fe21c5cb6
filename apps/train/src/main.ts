import { join } from 'node:path';

import type { BleuTokenizer } from '@qkv/seq2seq';
import { Command, InvalidArgumentError, Option } from 'commander';

import { describeError, Failure, systemReason } from './failure';
import {
  debugOption,
  type DecodingFlags,
  decodingOf,
  type ModeFlags,
  modeOf,
  modeOptions,
  nBestOption,
  searches,
  stepsOption,
  threadsOption,
} from './options';
import { err } from './terminal/colors';
import { addTokenizerCommands } from './tokenizer-commands';
import { addLabelCommands, addPairCommands } from './training-commands';
import type { WeightFormat } from './commands/export';
import type { SplitOptions } from './commands/split';
import type { VerifyOptions } from './commands/verify';

// Commands load what they need when they run: help and mistakes need no engine.

interface EvaluateFlags extends ModeFlags, DecodingFlags {
  readonly run: string;
  readonly test?: string;
  readonly bleu?: BleuTokenizer;
}

interface PredictFlags extends DecodingFlags {
  readonly run: string;
  readonly input?: string;
  readonly output?: string;
  readonly columns?: boolean;
  readonly steps?: number;
}

interface ExportFlags extends ModeFlags {
  readonly run: string;
  readonly format: WeightFormat;
  readonly output?: string;
  readonly maxShard?: number;
  readonly test?: string;
}

function positive(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

function createProgram(): Command {
  const program = new Command('train')
    .description('Trains Transformers to write and to label, judges them, and lets them work.')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', async (_, command) => {
      const { threads } = command.opts<{ threads?: number }>();
      if (threads !== undefined) (await import('./engine')).chooseThreads(threads);
    });

  addPairCommands(program);
  addLabelCommands(program);

  const runOption = (folder?: string): Option => {
    const option = new Option('--run <folder>', 'where the run is');
    return folder === undefined ? option.makeOptionMandatory() : option.default(folder);
  };

  searches(program.command('evaluate'))
    .description('judge a model on data that it was not chosen by')
    .addOption(runOption())
    .option(
      '--test <file>',
      'data as the run was trained on; without it, what the task itself has left for this: pronunciation, nodes, speech',
    )
    .addOption(
      new Option(
        '--bleu <tokenizer>',
        'pairs: BLEU, chrF and TER of the texts, BLEU with the words of this tokenizer (default: 13a where targets are not characters)',
      ).choices(['13a', 'intl', 'zh', 'char', 'none']),
    )
    .addOption(modeOptions[0])
    .addOption(modeOptions[1])
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async ({ run, test, bleu, ...flags }: EvaluateFlags) => {
      const { evaluate } = await import('./commands/evaluate');
      await evaluate({ run, test, bleu, decoding: decodingOf(flags), mode: modeOf(flags) });
    });

  searches(program.command('predict'))
    .description('write what the model makes of your input')
    .addOption(runOption())
    .option(
      '--input <file>',
      'a text on each line, or CoNLL-U to be tagged, or paths of recordings (default: standard input); nodes: a graph (default: that of the run)',
    )
    .option('--output <file>', 'where the result goes (default: standard output)')
    .option('--columns', 'tags: a word and its tag on each line, in place of word/TAG')
    .addOption(threadsOption)
    .addOption(debugOption())
    .addOption(nBestOption())
    .addOption(stepsOption())
    .action(async ({ run, input, output, columns, steps, ...flags }: PredictFlags) => {
      const { predict } = await import('./commands/predict');
      await predict({ run, input, output, columns, decoding: decodingOf(flags), nBest: flags.nBest, steps });
    });

  program
    .command('pronounce')
    .description('print the phonemes of words')
    .argument('<words...>', 'English words, in any case')
    .addOption(runOption('runs/g2p'))
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async (words: string[], options: { run: string }) => {
      const { pronounce } = await import('./commands/pronounce');
      await pronounce(words, options);
    });

  program
    .command('export')
    .description('write the weights in another format, and tell what that costs in error rate')
    .addOption(runOption())
    .addOption(new Option('--format <name>', 'of the weights').choices(['float32', 'fp16', 'int8']).default('fp16'))
    .option('--output <folder>', 'where they go; other commands take it as they take a run (default: <run>/<format>)')
    .addOption(new Option('--max-shard <megabytes>', 'split into files of at most so much').argParser(positive))
    .option('--test <file>', 'data to measure with (default: the validation data of the run)')
    .addOption(modeOptions[0])
    .addOption(modeOptions[1])
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async (flags: ExportFlags) => {
      const { exportWeights } = await import('./commands/export');
      const { run, format, output = join(run, format), maxShard, test } = flags;
      await exportWeights({ run, format, output, maxShard, test, mode: modeOf(flags) });
    });

  program
    .command('compare')
    .description('show runs side by side, with the settings in which they differ')
    .argument('<runs...>', 'run folders')
    .option('--curves <file>', 'draw their curves over each other, as SVG')
    .addOption(modeOptions[0])
    .addOption(debugOption())
    .action(async (runs: string[], { curves, ...flags }: { curves?: string } & ModeFlags) => {
      const { compare } = await import('./commands/compare');
      await compare(runs, { curves, mode: modeOf(flags) });
    });

  const rowsOf = (text: string): number => {
    const rows = Number(text);
    if (Number.isInteger(rows) && rows >= 1 && rows <= 65_536) return rows;
    throw new InvalidArgumentError('Expected a whole number from 1 to 65536.');
  };
  program
    .command('verify')
    .description("write a PyTorch program that computes the model's logits and 30 training steps, and compare with it")
    .addOption(runOption())
    .option('--output <folder>', "where program, weights and batches go (default: verify in the run's folder)")
    .addOption(new Option('--rows <n>', 'most pairs in a batch').argParser(rowsOf).default(16))
    .option('--no-execute', 'write them, and compare later')
    .option('--python <command>', "a Python that has torch and numpy (default: python3, or the system's)")
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async (options: VerifyOptions) => {
      const { verify } = await import('./commands/verify');
      await verify(options);
    });

  const share = (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (value >= 0 && value < 1) return value;
    throw new InvalidArgumentError('Expected a share from 0 to below 1.');
  };
  const column = (text: string): number => {
    if (/^[1-9]\d?$/.test(text)) return Number(text);
    throw new InvalidArgumentError('Expected a column, counted from 1.');
  };
  program
    .command('split')
    .description('divide tab-separated lines into train.tsv, valid.tsv and test.tsv, by digests')
    .argument('<file>', 'lines of columns with tabs between, UTF-8')
    .requiredOption('--output <folder>', 'where the three files go')
    .addOption(
      new Option('--columns <list>', 'which columns are kept, in which order')
        .argParser((text) => text.split(',').map(column))
        .default([1, 2], '1,2'),
    )
    .addOption(new Option('--by <column>', 'lines that are equal in it stay together').argParser(column).default(1))
    .addOption(new Option('--valid <share>', 'to choose models by').argParser(share).default(0.05))
    .addOption(new Option('--test <share>', 'to judge by at the end').argParser(share).default(0.05))
    .addOption(debugOption())
    .action(async (input: string, options: Omit<SplitOptions, 'input'>) => {
      const { split } = await import('./commands/split');
      await split({ input, ...options });
    });

  addTokenizerCommands(program, { modes: modeOptions, debug: debugOption, modeOf });

  return program;
}

/** `pnpm start -- --steps 2`: the `--` is pnpm's, and pnpm passes it on. */
function ownArguments([command, ...rest]: readonly string[]): string[] {
  return command === undefined ? [] : [command, ...(rest[0] === '--' ? rest.slice(1) : rest)];
}

// A reader that has seen enough, as in `pronounce … | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    console.error(`${err.red('error:')} cannot write to standard output: ${systemReason(error)}`);
    process.exit(1);
  }
  // Training ends with a checkpoint, as with Ctrl-C.
  if (!process.emit('SIGPIPE')) process.exit(0);
});

try {
  await createProgram().parseAsync(ownArguments(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  console.error(`${err.red('error:')} ${describeError(error)}`);
  if (process.argv.includes('--debug')) console.error(error instanceof Failure ? (error.cause ?? error) : error);
  process.exitCode = 1;
}
