import { quote, SafetensorsError, type SafetensorsErrorCode } from './error';

// Regular expressions only ever see short text here: on a run of a million characters V8's would overflow their stack.
const numberSyntax = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const loneSurrogate = /\p{Surrogate}/u;

const MAX_NUMBER_LENGTH = 64;

/** How deep a value that we only step over may nest; a real header has none at all. */
const MAX_DEPTH = 32;

/**
 * A strict reader of the header's JSON, one value at a time.
 *
 * JSON.parse would not do: it keeps the last of two equal keys, rounds large integers, cannot tell `1` from `1.0`,
 * and builds everything a hostile header asks for before we may look at it.
 */
export class HeaderReader {
  private position = 0;

  /** `what` and `start` are for errors: what the text is, and at which byte of its file it begins. */
  constructor(
    private readonly text: string,
    private readonly what = 'header',
    private readonly start = 8,
  ) {}

  private fail(code: SafetensorsErrorCode, what: string, position = this.position): never {
    const byte = this.start + new TextEncoder().encode(this.text.slice(0, position)).length;
    throw new SafetensorsError(code, `safetensors: ${this.what}, byte ${byte}: ${what}`);
  }

  /** Reads an object; `onEntry` must read each key's value. A key that stands twice is an error. */
  object(what: string, onEntry: (key: string) => void): void {
    this.expect('{', `expected an object for ${what}`);
    const seen = new Set<string>();
    if (this.take('}')) return;
    do {
      this.space();
      const start = this.position;
      const key = this.string(`a key of ${what}`);
      if (seen.has(key)) this.fail('duplicate', `${quote(key)} stands twice in ${what}; remove or rename one`, start);
      seen.add(key);
      this.expect(':', `expected ":" after ${quote(key)}`);
      onEntry(key);
    } while (this.take(','));
    this.expect('}', `expected "," or "}" in ${what}`);
  }

  /** Reads an array of non-negative whole numbers that a double holds exactly. */
  integers(code: SafetensorsErrorCode, what: string): number[] {
    this.expect('[', `expected an array of whole numbers for ${what}`);
    const values: number[] = [];
    if (this.take(']')) return values;
    do values.push(this.integer(code, what));
    while (this.take(','));
    this.expect(']', `expected "," or "]" in ${what}`);
    return values;
  }

  string(what: string): string {
    this.expect('"', `expected a string for ${what}`);
    const start = this.position - 1;
    let escaped = false;
    for (; ; this.position++) {
      const unit = this.text.charCodeAt(this.position);
      if (Number.isNaN(unit))
        this.fail('header-json', `a string without an end for ${what}; save the file again`, start);
      if (unit === 0x22) break;
      if (unit !== 0x5c) continue;
      escaped = true;
      this.position++;
    }
    const literal = this.text.slice(start, ++this.position);
    const value = this.unescape(literal, escaped, start);
    if (loneSurrogate.test(value)) {
      this.fail('header-json', `${quote(value)} has half a surrogate pair, which is not Unicode text`, start);
    }
    return value;
  }

  /** Steps over one value of any kind. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) this.fail('header-json', `values nest deeper than ${MAX_DEPTH}; flatten them`);
    this.space();
    const next = this.text[this.position];
    if (next === '{') return this.object('a nested object', () => this.skip(depth + 1));
    if (next === '"') return void this.string('a value');
    if (next !== '[') return this.scalar();
    this.position++;
    if (this.take(']')) return;
    do this.skip(depth + 1);
    while (this.take(','));
    this.expect(']', 'expected "," or "]"');
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.space();
    if (this.position < this.text.length) {
      this.fail('header-json', `text after the end of the ${this.what}; pad it with spaces only`);
    }
  }

  private integer(code: SafetensorsErrorCode, what: string): number {
    this.space();
    const start = this.position;
    const literal = this.number(what);
    const value = Number(literal);
    // `1.0`, `1e3` and `-0` are refused as the Rust library refuses them.
    if (!/^[0-9]+$/.test(literal) || value > Number.MAX_SAFE_INTEGER) {
      this.fail(code, `${literal} in ${what} is not a whole number from 0 to 2^53 - 1; write the true one`, start);
    }
    return value;
  }

  private number(what: string): string {
    const start = this.position;
    while ('+-.0123456789eE'.includes(this.text.charAt(this.position) || ' ')) this.position++;
    const literal = this.text.slice(start, Math.min(this.position, start + MAX_NUMBER_LENGTH + 1));
    if (literal.length > MAX_NUMBER_LENGTH || !numberSyntax.test(literal)) {
      this.fail('header-json', `expected a number in ${what}; save the file again`, start);
    }
    return literal;
  }

  private scalar(): void {
    const word = ['true', 'false', 'null'].find((candidate) => this.text.startsWith(candidate, this.position));
    if (word === undefined) this.number('a value');
    else this.position += word.length;
  }

  private unescape(literal: string, escaped: boolean, start: number): string {
    // A control character is one of the few things that JSON forbids in a string without an escape.
    // oxlint-disable-next-line no-control-regex
    if (!escaped && !/[\u0000-\u001f]/.test(literal)) return literal.slice(1, -1);
    try {
      return JSON.parse(literal) as string;
    } catch {
      return this.fail('header-json', `${quote(literal)} is not a JSON string; save the file again`, start);
    }
  }

  private space(): void {
    while (' \t\n\r'.includes(this.text.charAt(this.position) || '-')) this.position++;
  }

  private take(character: string): boolean {
    this.space();
    if (this.text[this.position] !== character) return false;
    this.position++;
    return true;
  }

  private expect(character: string, otherwise: string): void {
    if (this.take(character)) return;
    const found = this.position < this.text.length ? quote(this.text[this.position]) : 'the end of the header';
    this.fail('header-json', `${otherwise}, found ${found}; save the file again`);
  }
}
