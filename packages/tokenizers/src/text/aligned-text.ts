/**
 * A text on its way to the model, and where each of its UTF-16 units came from.
 *
 * Positions are absolute: they count in the string that the user gave, also where this is only a part of it. The two
 * halves of a surrogate pair have the same origin, so that no range ever cuts a character in two. Immutable.
 *
 * Most texts pass unchanged, or with something put before them, and need no table: unit i then came from
 * `base + i - prefix`, and the first `prefix` units share the origin of the first character.
 */
export class AlignedText {
  private constructor(
    readonly text: string,
    /** Where this part begins in the user's string. */
    readonly base: number,
    private readonly prefix: number,
    private readonly starts: Int32Array | null,
    private readonly ends: Int32Array | null,
  ) {}

  /** A part of the user's string, as it is. */
  static of(text: string, base = 0): AlignedText {
    return new AlignedText(text, base, 0, null, null);
  }

  /** A rewritten text; entry i of the tables is the origin `[starts[i], ends[i])` of unit i. */
  static aligned(text: string, base: number, starts: Int32Array, ends: Int32Array): AlignedText {
    return new AlignedText(text, base, 0, starts, ends);
  }

  /** The same origins under another text of the same length: one unit for one unit. */
  withText(text: string): AlignedText {
    return new AlignedText(text, this.base, this.prefix, this.starts, this.ends);
  }

  /** `text` put before this one; it shares the origin of the first character. An empty text stays empty. */
  prepend(text: string): AlignedText {
    if (this.text === '' || text === '') return this;
    if (this.starts === null || this.ends === null) {
      return new AlignedText(text + this.text, this.base, this.prefix + text.length, null, null);
    }
    const n = text.length;
    const starts = new Int32Array(n + this.text.length).fill(this.starts[0], 0, n);
    const ends = new Int32Array(n + this.text.length).fill(this.ends[0], 0, n);
    starts.set(this.starts, n);
    ends.set(this.ends, n);
    return new AlignedText(text + this.text, this.base, 0, starts, ends);
  }

  /** Where the character begins that unit `i` came from. */
  startOf(i: number): number {
    if (this.starts !== null) return this.starts[i];
    if (i <= this.prefix) return this.base;
    // The second half of a pair came from where the pair begins.
    return (
      this.base + i - this.prefix - (isLow(this.text.charCodeAt(i)) && isHigh(this.text.charCodeAt(i - 1)) ? 1 : 0)
    );
  }

  /** Where the character ends that unit `i` came from. */
  endOf(i: number): number {
    if (this.ends !== null) return this.ends[i];
    const at = Math.max(i, this.prefix);
    const pair = isHigh(this.text.charCodeAt(at)) && isLow(this.text.charCodeAt(at + 1));
    return this.base + at - this.prefix + (pair ? 2 : 1);
  }

  /** Part `[start, end)`. */
  slice(start: number, end: number): AlignedText {
    if (start === 0 && end === this.text.length) return this;
    const base = start < this.text.length ? this.startOf(start) : this.base;
    const text = this.text.slice(start, end);
    if (this.starts === null || this.ends === null) {
      if (start >= this.prefix) return new AlignedText(text, base, 0, null, null);
      if (end > this.prefix) return new AlignedText(text, base, this.prefix - start, null, null);
      const stop = this.endOf(start); // all of it was put before the text
      const n = end - start;
      return new AlignedText(text, base, 0, new Int32Array(n).fill(base), new Int32Array(n).fill(stop));
    }
    return new AlignedText(text, base, 0, this.starts.subarray(start, end), this.ends.subarray(start, end));
  }

  /**
   * Turns ranges of this text into ranges of the user's string, in place: entries `from` to `to` of the two arrays.
   * An empty range, which only an empty piece could have, is left as it is.
   */
  toOriginal(starts: Int32Array, ends: Int32Array, from: number, to: number): void {
    if (this.starts !== null && this.ends !== null) {
      for (let i = from; i < to; i++) {
        if (starts[i] === ends[i]) continue;
        starts[i] = this.starts[starts[i]];
        ends[i] = this.ends[ends[i] - 1];
      }
      return;
    }
    // Ranges begin and end between characters, so that halves of pairs need no look.
    const shift = this.base - this.prefix;
    if (this.prefix === 0) {
      if (shift === 0) return;
      for (let i = from; i < to; i++) {
        starts[i] += shift;
        ends[i] += shift;
      }
      return;
    }
    for (let i = from; i < to; i++) {
      starts[i] = starts[i] < this.prefix ? this.base : starts[i] + shift;
      ends[i] = ends[i] <= this.prefix ? this.endOf(0) : ends[i] + shift;
    }
  }
}

export const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
export const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

/** Units of the code point that begins at `at`: 1, or 2 for a pair. */
export const widthAt = (text: string, at: number): 1 | 2 =>
  isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1;
