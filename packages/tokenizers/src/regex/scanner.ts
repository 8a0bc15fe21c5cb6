import { PatternError } from './node';

/** A place in a pattern that is being read. */
export class Scanner {
  at = 0;

  constructor(private readonly pattern: string) {}

  get done(): boolean {
    return this.at >= this.pattern.length;
  }

  problem(message: string): PatternError {
    return new PatternError(this.at, message);
  }

  rest(units?: number): string {
    return this.pattern.slice(this.at, units === undefined ? undefined : this.at + units);
  }

  sees(text: string): boolean {
    return this.pattern.startsWith(text, this.at);
  }

  take(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  peek(): string {
    return this.done ? '' : String.fromCodePoint(this.pattern.codePointAt(this.at)!);
  }

  next(): string {
    if (this.done) throw this.problem('the pattern ends too early; write a backslash as \\\\');
    const character = this.peek();
    this.at += character.length;
    return character;
  }

  /** The code point that an escape means, after its backslash at `start`. */
  characterEscape(start: number): number {
    const letter = this.next();
    const control = 'tnrfvae'.indexOf(letter);
    if (control >= 0) return [0x09, 0x0a, 0x0d, 0x0c, 0x0b, 0x07, 0x1b][control];
    if (letter === 'x' || letter === 'u') {
      const digits = letter === 'x' ? /^(?:\{([\da-fA-F]{1,8})\}|([\da-fA-F]{1,2}))/ : /^([\da-fA-F]{4})/;
      const found = digits.exec(this.rest(12));
      if (found === null) throw new PatternError(start, `\\${letter} without digits; write \\x{41}`);
      this.at += found[0].length;
      const code = Number.parseInt(found[1] ?? found[2], 16);
      if (found[2] !== undefined && code > 0x7f) {
        throw new PatternError(start, `\\x${found[2]} is half a character in UTF-8; write \\x{${found[2]}}`);
      }
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        throw new PatternError(start, `${found[0]} is not a character`);
      }
      return code;
    }
    if (/[0-7]/.test(letter)) {
      const more = /^[0-7]{0,2}/.exec(this.rest(2))![0];
      this.at += more.length;
      const code = Number.parseInt(letter + more, 8);
      if (code > 0x7f) throw new PatternError(start, `\\${letter}${more} is half a character in UTF-8`);
      return code;
    }
    if (letter === 'c' || letter === 'C' || letter === 'M') {
      throw new PatternError(start, `\\${letter} is not supported; write the character as \\x{…}`);
    }
    return letter.codePointAt(0)!;
  }
}
