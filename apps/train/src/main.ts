import { Command, InvalidArgumentError, Option } from 'commander';
import { err } from './terminal/colors';

import { describeError } from './failure';
import { DEFAULT_FOLDER, defaultRecipe, type Recipe } from './g2p/recipe';

/** Parser of an option: a number in a range, whole or not. */
const number =
  (least: number, most: number, whole: boolean) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`Expected a ${whole ? 'whole number' : 'number'} from ${least} to ${most}.`);
    }
    return value;
  };
const whole = (least: number, most: number) => number(least, most, true);

/** One option for each field of the recipe. */
const recipeOptions: Readonly<
  Record<keyof Recipe, readonly [flags: string, text: string, parse: (text: string) => number]>
> = {
  steps: ['--steps <n>', 'updates of the weights', whole(1, 1e6)],
  batch: ['--batch <words>', 'words in a step', whole(1, 65_536)],
  seed: ['--seed <n>', 'seed of weights, order and dropout', whole(0, Number.MAX_SAFE_INTEGER)],
  learningRate: ['--learning-rate <rate>', 'the largest, after the warm-up; annealed to 0', number(0, 1, false)],
  warmup: ['--warmup <share>', 'share of the steps in which the learning rate grows', number(0, 0.9, false)],
  weightDecay: ['--weight-decay <strength>', "AdamW's", number(0, 10, false)],
  dropout: ['--dropout <rate>', 'share of activations left out', number(0, 0.9, false)],
  smoothing: ['--smoothing <share>', 'label smoothing', number(0, 0.9, false)],
  dimension: ['--dimension <n>', 'model size, a multiple of the heads', whole(1, 4096)],
  heads: ['--heads <n>', 'attention heads', whole(1, 64)],
  feedForward: ['--feed-forward <n>', "size of the feed-forward's inner layer", whole(1, 16_384)],
  encoderLayers: ['--encoder-layers <n>', 'layers over the letters', whole(1, 64)],
  decoderLayers: ['--decoder-layers <n>', 'layers over the phonemes', whole(1, 64)],
};

function createProgram(): Command {
  const program = new Command('train')
    .description('Trains a Transformer to pronounce English, and lets it speak.')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true });
  // On each command, so that it may stand at the end of the line.
  const debugOption = (): Option =>
    new Option('--debug', 'show where an error comes from, and which operation made the first NaN (slow)');

  const startCommand = program
    .command('start')
    .description('train on CMUdict, judge on words that were held out, save the model')
    .option('--output <folder>', 'where the model goes', DEFAULT_FOLDER);
  for (const [name, [flags, text, parse]] of Object.entries(recipeOptions)) {
    startCommand.option(flags, text, parse, defaultRecipe[name as keyof Recipe]);
  }
  startCommand
    .option('--no-held-out', 'judge on validation words only: for choosing hyper-parameters')
    .addOption(debugOption())
    .action(async ({ output, heldOut, debug: checked = false, ...recipe }) => {
      if (recipe.dimension % recipe.heads !== 0) {
        startCommand.error(`error: --dimension ${recipe.dimension} is not a multiple of --heads ${recipe.heads}`);
      }
      const { start } = await import('./start'); // only now: help and mistakes need no engine
      await start({ recipe: recipe as Recipe, output, heldOut, checked });
    });

  program
    .command('pronounce')
    .description('print the phonemes of words')
    .argument('<words...>', 'English words, in any case')
    .option('--model <folder>', 'where start has put the model', DEFAULT_FOLDER)
    .addOption(debugOption())
    .action(async (words: string[], options) => {
      const { pronounce } = await import('./pronounce');
      await pronounce(words, options);
    });
  return program;
}

/** `pnpm start -- --steps 2`: the `--` is pnpm's, and pnpm passes it on. */
function ownArguments([command, ...rest]: readonly string[]): string[] {
  return command === undefined ? [] : [command, ...(rest[0] === '--' ? rest.slice(1) : rest)];
}

// A reader that has seen enough, as in `pronounce … | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const program = createProgram();
try {
  await program.parseAsync(ownArguments(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  console.error(`${err.red('error:')} ${describeError(error)}`);
  if (process.argv.includes('--debug')) console.error(error);
  process.exitCode = 1;
}
