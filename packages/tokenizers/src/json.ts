import { TokenizerError } from './error';
import type { Kit } from './kit';

const MAX_DEPTH = 100;

/** A value read from a file, with its place there, so that each error can say where. */
export class JsonValue {
  constructor(
    readonly value: unknown,
    readonly path: string,
    private readonly ownKit?: Kit,
    private readonly depth = 0,
  ) {
    // A part may hold parts; a file in which they go on and on must not end in a stack overflow.
    if (depth > MAX_DEPTH) throw this.error('nested too deeply');
  }

  /** The error that this value is not as expected; `problem` completes "model.vocab: …". */
  error(problem: string): TokenizerError {
    return new TokenizerError('invalid-file', `${this.path}: ${problem}`);
  }

  /** What the reader of this file brings along. */
  get kit(): Kit {
    if (this.ownKit === undefined) throw this.error('no kit');
    return this.ownKit;
  }

  get isNull(): boolean {
    return this.value === null || this.value === undefined;
  }

  /** A member of this object; null where it is absent. */
  get(key: string): JsonValue {
    const object = this.object();
    return new JsonValue(
      Object.hasOwn(object, key) ? object[key] : null,
      `${this.path}.${key}`,
      this.ownKit,
      this.depth + 1,
    );
  }

  /** The same object with one member more. */
  withMember(key: string, value: unknown): JsonValue {
    return new JsonValue({ ...this.object(), [key]: value }, this.path, this.ownKit, this.depth);
  }

  object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.expected('an object');
    return value as Record<string, unknown>;
  }

  array(): readonly unknown[] {
    if (!Array.isArray(this.value)) throw this.expected('an array');
    return this.value;
  }

  items(): JsonValue[] {
    return this.array().map((value, i) => new JsonValue(value, `${this.path}[${i}]`, this.ownKit, this.depth + 1));
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.expected('a string');
    return this.value;
  }

  boolean(): boolean {
    if (typeof this.value !== 'boolean') throw this.expected('true or false');
    return this.value;
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) throw this.expected('a number');
    return this.value;
  }

  /** A whole number from `min` to `max`. */
  integer(min = 0, max = 2 ** 31 - 1): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.expected(`a whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** One of the given words. */
  oneOf<T extends string>(words: readonly T[]): T {
    const value = this.string();
    if (!(words as readonly string[]).includes(value)) throw this.expected(`one of ${words.join(', ')}`);
    return value as T;
  }

  /** What `read` makes of this value, or `otherwise` where it is absent or null. */
  or<T, U>(read: (value: JsonValue) => T, otherwise: U): T | U {
    return this.isNull ? otherwise : read(this);
  }

  private expected(what: string): TokenizerError {
    return this.error(`expected ${what}, got ${describe(this.value)}`);
  }
}

/** Readers for `or`. */
export const asBoolean = (value: JsonValue): boolean => value.boolean();
export const asString = (value: JsonValue): string => value.string();
export const asInteger = (value: JsonValue): number => value.integer();
export const asNumber = (value: JsonValue): number => value.number();

const MAX_SHOWN = 40;

/** A value in a few words, on one line. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
