import { join } from 'node:path';

import { Command, InvalidArgumentError, Option } from 'commander';

import { type CodecOption, parseCodecOption } from './data/codec-option';
import { describeError, Failure, systemReason } from './failure';
import { type PresetName, presets } from './presets';
import { type PartialRecipe, type SettingName, settings, resolveRecipe } from './recipe';
import { err } from './terminal/colors';
import type { OutputMode } from './terminal/reporter';
import { addTokenizerCommands } from './tokenizer-commands';
import type { WeightFormat } from './commands/export';
import type { TrainOptions } from './commands/train';
import type { VerifyOptions } from './commands/verify';

// Commands load what they need when they run: help and mistakes need no engine.

/** Turns the text of an option into its value, by the schema that files are checked with. */
const parser =
  (name: SettingName) =>
  (text: string): unknown => {
    const { schema } = settings[name];
    const asNumber = schema.safeParse(text.trim() === '' ? NaN : Number(text));
    const parsed = asNumber.success ? asNumber : schema.safeParse(text);
    // Of the two errors, the one about the kind of value that the setting has.
    if (!parsed.success) throw new InvalidArgumentError((asNumber.error ?? parsed.error)!.issues[0].message);
    return parsed.data;
  };

const modeOptions = [
  new Option('--json', 'print one JSON object a line, for programs').conflicts('quiet'),
  new Option('--quiet', 'print nothing but errors and notices'),
];

/** A thread is not a core: a few too many are slower, not wrong. */
const threadsOption = new Option('--threads <n>', 'threads that compute (default: cores that are available)').argParser(
  (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
    throw new InvalidArgumentError('Expected a whole number from 1 to 64.');
  },
);

interface ModeFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}
const modeOf = ({ json, quiet }: ModeFlags): OutputMode => (json ? 'json' : quiet ? 'quiet' : 'text');

const debugOption = (): Option =>
  new Option('--debug', 'show where an error comes from, and which operation made the first NaN (slow)');

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

interface Seq2seqFlags {
  readonly train: string;
  readonly valid?: string;
  readonly sourceUnit: 'character' | 'word';
  readonly targetUnit: 'character' | 'word';
  readonly tokenizer?: CodecOption;
  readonly sourceTokenizer?: CodecOption;
  readonly targetTokenizer?: CodecOption;
}

function codecOption(text: string): CodecOption {
  const parsed = parseCodecOption(text);
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  return parsed.option;
}

interface TrainFlags extends ModeFlags {
  readonly output: string;
  readonly resume: 'never' | 'auto';
  readonly overwrite?: boolean;
  readonly preset: PresetName;
  readonly config?: string;
  readonly debug?: boolean;
}

/** Adds everything that a command which trains has. */
function trains(command: Command, preset: PresetName, output: string, resume: 'never' | 'auto'): Command {
  command
    .option('--output <folder>', 'where the run goes', output)
    .addOption(
      new Option('--resume <when>', 'auto: go on with the run in the folder, if there is one; never: refuse')
        .choices(['auto', 'never'])
        .default(resume),
    )
    .option('--overwrite', 'replace the run in the folder')
    .addOption(new Option('--preset <name>', 'settings to start from').choices(Object.keys(presets)).default(preset))
    .option('--config <file>', "settings of a file, such as another run's config.json: they go over the preset");
  const values = presets[preset];
  for (const [name, { flags, text }] of Object.entries(settings)) {
    const value = values[name as SettingName];
    const option = new Option(flags, value === undefined ? text : `${text} (${preset}: ${value})`);
    command.addOption(option.argParser(parser(name as SettingName)).helpGroup('Settings, over preset and file:'));
  }
  for (const option of modeOptions) command.addOption(option);
  return command.addOption(threadsOption).addOption(debugOption());
}

async function trainOptions(flags: TrainFlags & PartialRecipe): Promise<TrainOptions> {
  const { preset, config, output, resume, overwrite = false, debug = false } = flags;
  const given = Object.fromEntries(
    Object.keys(settings).map((name) => [name, flags[name as SettingName]]),
  ) as PartialRecipe;
  const fromFile = config === undefined ? {} : await (await import('./run/config')).readSettings(config);
  const recipe = resolveRecipe(presets[preset], fromFile, given);
  return { recipe, output, resume, overwrite, debug, mode: modeOf(flags) };
}

function createProgram(): Command {
  const program = new Command('train')
    .description('Trains Transformers from sequences to sequences, judges them, and lets them speak.')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', async (_, command) => {
      const { threads } = command.opts<{ threads?: number }>();
      if (threads !== undefined) (await import('./engine')).chooseThreads(threads);
    });

  trains(program.command('start'), 'quick', 'runs/g2p', 'auto')
    .description('train a small pronunciation model on CMUdict, judge it on held-out words, show what it does')
    .option('--no-held-out', 'judge on validation words only: for choosing settings')
    .action(async (flags: TrainFlags & { heldOut: boolean }) => {
      const { start } = await import('./commands/start');
      const options = await trainOptions(flags);
      const run = flags.output === 'runs/g2p' ? '' : ` --run ${flags.output}`;
      const pronounceCommand = `npx -y pnpm@10.34.9 pronounce transformer attention${run}`;
      await start({ ...options, heldOut: flags.heldOut, pronounceCommand });
    });

  trains(program.command('g2p'), 'thorough', 'runs/g2p-thorough', 'never')
    .description('train a pronunciation model on CMUdict; the held-out words are left for evaluate')
    .action(async (flags: TrainFlags) => {
      const { g2p } = await import('./commands/g2p');
      await g2p(await trainOptions(flags));
    });

  const unit = (side: string): Option =>
    new Option(`--${side}-unit <unit>`, `what a ${side} is made of`)
      .choices(['character', 'word'])
      .default('character')
      .conflicts(['tokenizer', `${side}Tokenizer`]);
  const sideTokenizer = (side: string): Option =>
    new Option(`--${side}-tokenizer <spec>`, `the same for ${side}s only`).argParser(codecOption);
  trains(program.command('seq2seq'), 'small', 'runs/seq2seq', 'never')
    .description('train on your own pairs: source<TAB>target on each line, UTF-8')
    .requiredOption('--train <file>', 'pairs to train on')
    .option('--valid <file>', 'pairs that the best weights are chosen by; without it, a part of the training pairs')
    .addOption(unit('source'))
    .addOption(unit('target'))
    .addOption(
      new Option(
        '--tokenizer <spec>',
        'sub-words: bpe:8000, wordpiece:8000, unigram:8000 or sentencepiece-bpe:8000, trained on the pairs; or word, character, the path of a tokenizer.json',
      ).argParser(codecOption),
    )
    .addOption(sideTokenizer('source'))
    .addOption(sideTokenizer('target'))
    .action(async (flags: TrainFlags & Seq2seqFlags) => {
      const { seq2seq } = await import('./commands/seq2seq');
      const { train, valid, tokenizer } = flags;
      const sourceUnit = flags.sourceTokenizer ?? tokenizer ?? flags.sourceUnit;
      const targetUnit = flags.targetTokenizer ?? tokenizer ?? flags.targetUnit;
      await seq2seq({ train, valid, sourceUnit, targetUnit }, await trainOptions(flags));
    });

  const runOption = (folder?: string): Option => {
    const option = new Option('--run <folder>', 'where the run is');
    return folder === undefined ? option.makeOptionMandatory() : option.default(folder);
  };

  program
    .command('evaluate')
    .description('judge a model on pairs that it was not chosen by; pronunciation without --test: all held-out words')
    .addOption(runOption())
    .option('--test <file>', 'pairs, tab-separated; of equal sources, any target counts as right')
    .addOption(modeOptions[0])
    .addOption(modeOptions[1])
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async ({ run, test, ...flags }: { run: string; test?: string } & ModeFlags) => {
      const { evaluate } = await import('./commands/evaluate');
      await evaluate({ run, test, mode: modeOf(flags) });
    });

  program
    .command('predict')
    .description('write the target of each line')
    .addOption(runOption())
    .option('--input <file>', 'a source on each line (default: standard input)')
    .option('--output <file>', 'a target on each line (default: standard output)')
    .addOption(threadsOption)
    .addOption(debugOption())
    .action(async (options: { run: string; input?: string; output?: string }) => {
      const { predict } = await import('./commands/predict');
      await predict(options);
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
    .option('--test <file>', 'pairs to measure with (default: the validation data of the run)')
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
