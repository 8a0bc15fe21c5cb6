import { show, TokenizerError } from '../error';

/** How often each piece of text occurs: what a normalizer and a pre-tokenizer made of the texts to train on. */
export type WordCounts = ReadonlyMap<string, number>;

export interface TrainingProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** Called at most some 100 times in each stage. */
export type OnProgress = (progress: TrainingProgress) => void;

/** Checks what is given to one trainer; every failure is one line that begins with the trainer's name. */
export class OptionChecks {
  constructor(
    private readonly trainer: string,
    private readonly options: object,
    known: readonly string[],
  ) {
    if (typeof options !== 'object' || options === null) throw this.error(`expected options, got ${String(options)}`);
    for (const name of Object.keys(options)) {
      if (!known.includes(name)) throw this.error(`unknown option "${show(name)}"; known are ${known.join(', ')}`);
    }
  }

  error(problem: string): TokenizerError {
    return new TokenizerError('invalid-option', `${this.trainer}: ${problem}`);
  }

  private get(name: string): unknown {
    return (this.options as Record<string, unknown>)[name];
  }

  wholeNumber(name: string, missing: number, min: number): number {
    const value = this.get(name) ?? missing;
    if (value === missing || (Number.isSafeInteger(value) && (value as number) >= min)) return value as number;
    throw this.error(`${name} is ${shown(value)}, expected a whole number of at least ${min}`);
  }

  /** A number above 0 and below 1. */
  fraction(name: string, missing: number): number {
    const value = this.get(name) ?? missing;
    if (typeof value === 'number' && value > 0 && value < 1) return value;
    throw this.error(`${name} is ${shown(value)}, expected a number between 0 and 1`);
  }

  text(name: string): string | undefined {
    const value = this.get(name) ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw this.error(`${name} is ${shown(value)}, expected a string`);
  }

  texts(name: string): readonly string[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) throw this.error(`${name} is ${shown(value)}, expected an array of strings`);
    const wrong = value.findIndex((item) => typeof item !== 'string');
    if (wrong >= 0) throw this.error(`${name}[${wrong}] is ${shown(value[wrong])}, expected a string`);
    return value as string[];
  }

  /** Code points, from an array of single characters. */
  characters(name: string): number[] {
    return this.texts(name).map((text, i) => {
      const code = text.codePointAt(0);
      if (code !== undefined && text.length === String.fromCodePoint(code).length) return code;
      throw this.error(`${name}[${i}] is ${shown(text)}, expected one character; split it`);
    });
  }

  onProgress(): OnProgress {
    const value = this.get('onProgress') ?? (() => {});
    if (typeof value === 'function') return value as OnProgress;
    throw this.error(`onProgress is ${shown(value)}, expected a function`);
  }

  words(words: WordCounts): void {
    if (!(words instanceof Map)) throw this.error('expected a Map of words and how often they occur');
    for (const [word, count] of words as ReadonlyMap<unknown, unknown>) {
      if (typeof word !== 'string') throw this.error(`word ${shown(word)} is not a string`);
      if (!Number.isSafeInteger(count) || (count as number) < 1) {
        throw this.error(`the count of ${shown(word)} is ${shown(count)}, expected a whole number of at least 1`);
      }
    }
  }
}

/** Passes on every hundredth part of a stage, and its end. */
export class Stage {
  private next = 0;

  constructor(
    private readonly onProgress: OnProgress,
    private readonly stage: string,
    private readonly total: number,
  ) {
    this.report(0);
  }

  report(done: number): void {
    if (done < this.next || done >= this.total) return;
    this.next = done + this.total / 100;
    this.onProgress({ stage: this.stage, done, total: this.total });
  }

  /** A stage may end before its total is reached. */
  end(done = this.total): void {
    this.onProgress({ stage: this.stage, done, total: done });
  }
}

const shown = (value: unknown): string => {
  if (typeof value === 'string') return `"${show(value)}"`;
  return show(typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));
};
