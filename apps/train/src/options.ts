import { type Command, InvalidArgumentError, Option } from 'commander';

import type { TrainOptions } from './commands/train';
import { type CodecOption, parseCodecOption } from './data/codec-option';
import { Failure } from './failure';
import type { Settings, TrainingRecipe } from './recipe';
import type { Decoding } from './run/kind';
import type { OutputMode } from './terminal/reporter';

// Options that several commands have. Nothing here loads the engine: help and mistakes need none.

/** Turns the text of an option into its value, by the schema that files are checked with. */
const parser =
  ({ table }: Settings<never>, name: string) =>
  (text: string): unknown => {
    const { schema } = table[name];
    const asNumber = schema.safeParse(text.trim() === '' ? NaN : Number(text));
    const parsed = asNumber.success ? asNumber : schema.safeParse(text);
    // Of the two errors, the one about the kind of value that the setting has.
    if (!parsed.success) throw new InvalidArgumentError((asNumber.error ?? parsed.error)!.issues[0].message);
    return parsed.data;
  };

export const modeOptions = [
  new Option('--json', 'print one JSON object a line, for programs').conflicts('quiet'),
  new Option('--quiet', 'print nothing but errors and notices'),
];

/** A thread is not a core: a few too many are slower, not wrong. */
export const threadsOption = new Option(
  '--threads <n>',
  'threads that compute (default: cores that are available)',
).argParser((text) => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw new InvalidArgumentError('Expected a whole number from 1 to 64.');
});

export interface ModeFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}
export const modeOf = ({ json, quiet }: ModeFlags): OutputMode => (json ? 'json' : quiet ? 'quiet' : 'text');

export const debugOption = (): Option =>
  new Option('--debug', 'show where an error comes from, and which operation made the first NaN (slow)');

export function codecOption(text: string): CodecOption {
  const parsed = parseCodecOption(text);
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  return parsed.option;
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };

export interface DecodingFlags {
  readonly beam?: number;
  readonly lengthPenalty?: number;
  readonly nBest?: number;
}

/** Adds how targets are searched for, of runs that write some. */
export function searches(command: Command): Command {
  return command
    .addOption(
      new Option('--beam <n>', 'pairs: follow so many sequences at a time (default: 1, greedily)').argParser(
        whole(1, 100),
      ),
    )
    .addOption(
      new Option(
        '--length-penalty <alpha>',
        'of --beam: ranks by log p / ((5 + n) / 6)^alpha (default: 0.6); 0: by probability alone',
      ).argParser((text) => {
        const value = text.trim() === '' ? NaN : Number(text);
        if (value >= 0 && value <= 10) return value;
        throw new InvalidArgumentError('Expected a number from 0 to 10.');
      }),
    );
}

export const nBestOption = (): Option =>
  new Option('--n-best <n>', 'of --beam: line number<TAB>score<TAB>target of the n best, each on a line').argParser(
    whole(1, 100),
  );

export const stepsOption = (): Option =>
  new Option('--steps <n>', "pairs: show the decoder's steps from START to END, each with the n most probable tokens")
    .argParser(whole(1, 100))
    .conflicts('nBest');

/** What the flags ask for; undefined for greedy decoding. @throws Failure if they contradict each other. */
export function decodingOf({ beam, lengthPenalty, nBest }: DecodingFlags): Decoding | undefined {
  for (const [name, value] of Object.entries({ '--length-penalty': lengthPenalty, '--n-best': nBest })) {
    if (value !== undefined && (beam ?? 1) === 1) throw new Failure(`${name} is for a beam search; give --beam, too`);
  }
  if (nBest !== undefined && nBest > beam!)
    throw new Failure(`--n-best ${nBest} of --beam ${beam}: a beam gives no more than its width`);
  return beam === undefined || beam === 1 ? undefined : { beams: beam, lengthPenalty };
}

/** Of a command that trains, beside its settings. */
export interface TrainFlags extends ModeFlags {
  readonly output: string;
  readonly resume: 'never' | 'auto';
  readonly overwrite?: boolean;
  readonly preset: string;
  readonly config?: string;
  readonly debug?: boolean;
}

/** What may be set of the runs of a command. */
export interface Choices<R> {
  readonly settings: Settings<R>;
  readonly presets: Readonly<Record<string, R>>;
  /** Of the presets, the one that is taken unless another is named. */
  readonly preset: string;
}

/** Adds everything that a command which trains has. */
export function trains<R>(
  command: Command,
  { settings, presets, preset }: Choices<R>,
  output: string,
  resume: 'never' | 'auto',
): Command {
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
  const values = presets[preset] as Readonly<Record<string, unknown>>;
  for (const [name, { flags, text }] of Object.entries(settings.table)) {
    const value = values[name];
    const option = new Option(flags, value === undefined ? text : `${text} (${preset}: ${String(value)})`);
    command.addOption(
      option.argParser(parser(settings as Settings<never>, name)).helpGroup('Settings, over preset and file:'),
    );
  }
  for (const option of modeOptions) command.addOption(option);
  return command.addOption(threadsOption).addOption(debugOption());
}

export async function trainOptions<R extends TrainingRecipe>(
  flags: TrainFlags,
  { settings, presets }: Pick<Choices<R>, 'settings' | 'presets'>,
): Promise<TrainOptions<R>> {
  const { preset, config, output, resume, overwrite = false, debug = false } = flags;
  const values = flags as unknown as Readonly<Record<string, unknown>>;
  const given = Object.fromEntries(Object.keys(settings.table).map((name) => [name, values[name]])) as Partial<R>;
  const fromFile = config === undefined ? {} : await (await import('./run/config')).readSettings(config, settings);
  const recipe = settings.resolve(presets[preset], fromFile as Partial<R>, given);
  return { recipe, output, resume, overwrite, debug, mode: modeOf(flags) };
}
