import { z } from 'zod';

import { Failure } from './failure';

/** A hyper-parameter: its option, what it is, and which values it may have. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  readonly flags: string;
  readonly text: string;
  readonly schema: Schema;
}

const setting = <Schema extends z.ZodType>(flags: string, text: string, schema: Schema): Setting<Schema> => ({
  flags,
  text,
  schema,
});
const whole = (least: number, most: number): z.ZodNumber => {
  const message = `Expected a whole number from ${least} to ${most}.`;
  return z.int(message).min(least, message).max(most, message);
};
const real = (least: number, most: number): z.ZodNumber => {
  const message = `Expected a number from ${least} to ${most}.`;
  return z.number(message).min(least, message).max(most, message);
};
const choice = <const T extends readonly string[]>(...values: T) =>
  z.enum(values, `Expected ${values.slice(0, -1).join(', ')} or ${values.at(-1)}.`);

// Groups of settings that several kinds of task have, in the order in which files and help have them.
const sizes = {
  dimension: setting('--dimension <n>', 'model size, a multiple of the heads', whole(1, 4096)),
  heads: setting('--heads <n>', 'attention heads', whole(1, 64)),
  feedForward: setting('--feed-forward <n>', "size of the feed-forward's inner layer", whole(1, 16_384)),
};
const sublayers = {
  normalization: setting(
    '--normalization <where>',
    'pre or post: before or after the sublayers',
    choice('pre', 'post'),
  ),
  activation: setting('--activation <name>', 'of the feed-forward: relu or gelu', choice('relu', 'gelu')),
  dropout: setting('--dropout <rate>', 'share of activations left out', real(0, 0.9)),
  smoothing: setting('--smoothing <share>', 'label smoothing', real(0, 0.9)),
};
const duration = {
  steps: setting('--steps <n>', 'updates of the weights; or give --epochs', whole(1, 1e7).optional()),
  epochs: setting('--epochs <n>', 'passes over the training data; or give --steps', real(0.001, 1e5).optional()),
};
const batches = (what: string, places: string) => ({
  batch: setting(`--batch <${what}>`, `${what} in a batch; or give --batch-tokens`, whole(1, 65_536).optional()),
  batchTokens: setting(
    '--batch-tokens <n>',
    `places in a batch, ${places}; or give --batch`,
    whole(1, 2 ** 24).optional(),
  ),
  accumulate: setting('--accumulate <n>', 'batches whose gradients make one update', whole(1, 1024)),
});
const lengths = (what: string) => ({
  maxLength: setting('--max-length <n>', what, whole(1, 4096)),
  cells: setting('--cells <n>', 'shapes of batches: more pad less and plan more', whole(1, 64)),
});
const optimization = {
  learningRate: setting('--learning-rate <rate>', 'the largest, after the warm-up', real(0, 1)),
  schedule: setting(
    '--schedule <name>',
    'of the rate after the warm-up: cosine or linear (to 0), inverse-square-root (Noam), constant',
    choice('cosine', 'linear', 'inverse-square-root', 'constant'),
  ),
  warmup: setting('--warmup <n>', 'updates in which the rate grows; below 1, their share of all', real(0, 1e6)),
  weightDecay: setting('--weight-decay <strength>', "AdamW's", real(0, 10)),
  beta1: setting('--beta1 <decay>', "AdamW's, of the first moment", real(0, 0.9999999)),
  beta2: setting('--beta2 <decay>', "AdamW's, of the second moment", real(0, 0.9999999)),
  epsilon: setting('--epsilon <x>', "AdamW's", real(0, 1)),
  clipNorm: setting('--clip-norm <norm>', 'largest norm of all gradients together; 0: no limit', real(0, 1e9)),
  average: setting(
    '--average <decay>',
    'judge and save a running average of the weights (EMA); 0: the weights',
    real(0, 0.9999999),
  ),
  validateEvery: setting('--validate-every <steps>', 'default: a tenth of the run', whole(1, 1e7).optional()),
};
const metric = <const T extends readonly string[]>(text: string, ...values: T) => ({
  metric: setting(
    '--metric <name>',
    `what the best weights have ${text}: ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    choice(...values),
  ),
});
const keeping = {
  patience: setting(
    '--patience <n>',
    'validations in a row without improvement that end the run; 0: never',
    whole(0, 1e6),
  ),
  checkpointEvery: setting('--checkpoint-every <steps>', 'beside those at the best validations', whole(1, 1e7)),
  keepLast: setting('--keep-last <n>', 'checkpoints that stay, beside the best', whole(1, 1000)),
  seed: setting('--seed <n>', 'of weights, order and dropout', whole(0, Number.MAX_SAFE_INTEGER)),
};

/** Everything that decides what a run computes: each is an option of the command line and a field of the run's config file. */
export const settings = {
  ...sizes,
  encoderLayers: setting('--encoder-layers <n>', 'layers over the source', whole(1, 64)),
  decoderLayers: setting('--decoder-layers <n>', 'layers over the target', whole(1, 64)),
  ...sublayers,
  ...duration,
  ...batches('pairs', 'source and target'),
  ...lengths('longest source and target to train on, in tokens'),
  ...optimization,
  ...metric('least of', 'token-error-rate', 'sequence-error-rate', 'loss'),
  ...keeping,
} as const;

/** Of an encoder whose inputs get labels. */
const encoder = {
  ...sizes,
  layers: setting('--layers <n>', 'layers of the encoder', whole(1, 64)),
};
const encoderKind = {
  encoder: setting(
    '--encoder <name>',
    'what layers are made of: attention, lstm, gru or convolutional',
    choice('attention', 'lstm', 'gru', 'convolutional'),
  ),
  window: setting(
    '--window <n>',
    'attention sees so many neighbours on each side; 0: each place alone; default: all',
    whole(0, 4096).optional(),
  ),
  positions: setting(
    '--positions <kind>',
    'how order is told: sinusoidal or learned (added to the input), rotary, alibi, relative or t5 (inside of attention), none; default: sinusoidal',
    choice('sinusoidal', 'learned', 'rotary', 'alibi', 'relative', 't5', 'none').optional(),
  ),
};
const words = {
  wordDropout: setting('--word-dropout <rate>', 'share of the words that training hides', real(0, 0.9)),
  minCount: setting('--min-count <n>', 'words that are rarer in the training data count as unknown', whole(1, 1e6)),
};
const labels = metric('most of (or, of loss, least)', 'accuracy', 'macro-f1', 'loss');

/** Of runs that tag words. */
export const tagSettings = settingsOf({
  ...encoder,
  ...encoderKind,
  characterDimension: setting(
    '--character-dimension <n>',
    "size of a character's embedding; 0: words alone",
    whole(0, 1024),
  ),
  characterFilters: setting(
    '--character-filters <n>',
    'filters over 2, 3 and 4 characters: so many times that number',
    whole(1, 1024),
  ),
  ...words,
  ...sublayers,
  ...duration,
  ...batches('sentences', 'words'),
  ...lengths('words of a sentence that are seen together: longer ones are cut'),
  ...optimization,
  ...labels,
  ...keeping,
});
export type TagRecipe = RecipeOfSettings<typeof tagSettings>;

/** Of runs that classify texts. */
export const classifySettings = settingsOf({
  ...encoder,
  ...encoderKind,
  pooling: setting(
    '--pooling <name>',
    'what stands for a text: mean or max (of its tokens), or class (a token of its own before them)',
    choice('mean', 'max', 'class'),
  ),
  ...words,
  ...sublayers,
  ...duration,
  ...batches('texts', 'tokens'),
  ...lengths('tokens of a text that are read'),
  ...optimization,
  ...labels,
  ...keeping,
});
export type ClassifyRecipe = RecipeOfSettings<typeof classifySettings>;

/** Of runs that classify the nodes of a graph. */
export const nodesSettings = settingsOf({
  ...encoder,
  featureDropout: setting(
    '--feature-dropout <rate>',
    "share of the nodes' features that training hides",
    real(0, 0.95),
  ),
  ...sublayers,
  ...duration,
  ...optimization,
  ...labels,
  ...keeping,
});
export type NodesRecipe = RecipeOfSettings<typeof nodesSettings>;

/** Of runs that classify recordings. */
export const speechSettings = settingsOf({
  ...encoder,
  ...encoderKind,
  pooling: setting(
    '--pooling <name>',
    'what stands for a recording: mean or max (of its frames), or class (a frame of its own before them)',
    choice('mean', 'max', 'class'),
  ),
  melBands: setting('--mel-bands <n>', 'numbers that a frame is described by', whole(4, 512)),
  frameLength: setting('--frame-length <ms>', 'milliseconds of sound in a frame', real(2, 1000)),
  hopLength: setting('--hop-length <ms>', 'milliseconds from frame to frame', real(1, 1000)),
  scaling: setting(
    '--scaling <name>',
    'of bands: recording (mean 0 and variance 1 in each recording: voice and microphone matter less) or fixed',
    choice('recording', 'fixed'),
  ),
  ...sublayers,
  ...duration,
  ...batches('recordings', 'frames'),
  ...lengths('frames of a recording that are heard'),
  ...optimization,
  ...labels,
  ...keeping,
});
export type SpeechRecipe = RecipeOfSettings<typeof speechSettings>;

export type SettingTable = Readonly<Record<string, Setting>>;
export type SettingName = keyof typeof settings;

type RecipeOf<T extends SettingTable> = z.infer<z.ZodObject<{ -readonly [K in keyof T]: T[K]['schema'] }>>;

/** What any run has, whatever it learns. */
export type TrainingRecipe = RecipeOf<typeof duration & typeof optimization & typeof keeping> & {
  readonly metric: string;
  /** Where batches are all alike, there are none to be added. */
  readonly accumulate?: number;
};

/** The settings of a kind of task, and what recipes are made of them. */
export interface Settings<R = TrainingRecipe> {
  readonly table: SettingTable;
  /** A recipe as files hold it: all fields, none unknown, none against each other. */
  readonly schema: z.ZodType<R>;
  /** What some of the fields are to be: a preset, a file of the user's, the options of a command. */
  readonly partial: z.ZodType<Partial<R>>;
  /** Lays settings over each other, the later ones on top. @throws Failure if they contradict each other. */
  resolve(...layers: readonly Partial<R>[]): R;
}

export function settingsOf<T extends SettingTable>(table: T): Settings<RecipeOf<T>> {
  type R = RecipeOf<T>;
  const shape = Object.fromEntries(Object.entries(table).map(([name, { schema }]) => [name, schema]));
  const fields = z.strictObject(shape);
  const checked = <S extends typeof fields>(object: S, problemOf: (recipe: Loose) => string | undefined) =>
    object.superRefine((recipe, context) => {
      const message = problemOf(recipe);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    });
  return {
    table,
    schema: checked(fields, (recipe) => contradictionOf(table, recipe)) as unknown as z.ZodType<R>,
    partial: checked(fields.partial() as unknown as typeof fields, (recipe) =>
      bothOf(table, recipe),
    ) as unknown as z.ZodType<Partial<R>>,
    resolve: (...layers) => fields.parse(resolve(table, layers)) as R,
  };
}

type RecipeOfSettings<S> = S extends Settings<infer R> ? R : never;

export const pairSettings = settingsOf(settings);
export type Recipe = RecipeOf<typeof settings>;
export type PartialRecipe = Partial<Recipe>;
export const { schema: recipeSchema, partial: partialRecipeSchema, resolve: resolveRecipe } = pairSettings;

/** Of each pair, one decides; the later layer of settings replaces the other of an earlier one. */
const alternatives = [
  ['steps', 'epochs'],
  ['batch', 'batchTokens'],
] as const;

/** Some fields, of whatever kind of task. */
type Loose = Readonly<Record<string, unknown>>;

const alternativesOf = (table: SettingTable) => alternatives.filter(([name]) => name in table);
const flagOf = (table: SettingTable, name: string): string => table[name].flags.split(' ')[0];

function bothOf(table: SettingTable, recipe: Loose): string | undefined {
  const both = alternativesOf(table).find(([a, b]) => recipe[a] !== undefined && recipe[b] !== undefined);
  if (both === undefined) return undefined;
  const [a, b] = both.map((name) => `${flagOf(table, name)} ${String(recipe[name])}`);
  return `${a} and ${b} contradict each other; give one of them`;
}

function contradictionOf(table: SettingTable, recipe: Loose): string | undefined {
  const both = bothOf(table, recipe);
  if (both !== undefined) return both;
  const neither = alternativesOf(table).find(([a, b]) => recipe[a] === undefined && recipe[b] === undefined);
  if (neither !== undefined) return `neither ${neither.map((name) => flagOf(table, name)).join(' nor ')} is given`;
  const { dimension = 1, heads = 1, steps, warmup = 0 } = recipe as Readonly<Record<string, number | undefined>>;
  if (dimension % heads !== 0) return `--dimension ${dimension} is not a multiple of --heads ${heads}`;
  if (steps !== undefined && warmup >= 1 && warmup >= steps) {
    return `--warmup ${warmup} leaves nothing of --steps ${steps}; warm up for fewer`;
  }
  return undefined;
}

function resolve(table: SettingTable, layers: readonly Loose[]): Loose {
  let recipe: Loose = {};
  for (const layer of layers) {
    const given = Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined));
    for (const pair of alternatives) {
      for (const [mine, other] of [pair, pair.toReversed()]) {
        if (given[mine] !== undefined && given[other] === undefined) recipe = { ...recipe, [other]: undefined };
      }
    }
    recipe = { ...recipe, ...given };
  }
  const contradiction = contradictionOf(table, recipe);
  if (contradiction !== undefined) throw new Failure(contradiction);
  return recipe;
}
