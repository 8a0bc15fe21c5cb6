import { AlignedText, widthAt } from './aligned-text';

/** Tables that the next editor can take: texts are short, and new tables for each would be most of the work. */
let spare: [starts: Int32Array, ends: Int32Array] | null = null;
const MAX_SPARE = 1 << 20;

/**
 * Rewrites a text from left to right and keeps the origin of each unit.
 *
 * The rules are those of the Rust library, whose offsets ours must equal: what replaces a character has its origin;
 * what is inserted has the origin of the character before it in the old text, an empty one at the very beginning.
 */
export class TextEditor {
  private readonly source: AlignedText;
  private written = '';
  private starts: Int32Array<ArrayBufferLike>;
  private ends: Int32Array<ArrayBufferLike>;
  private length = 0;
  /** The next unit of the old text. */
  private cursor = 0;
  private changed = false;

  constructor(source: AlignedText) {
    this.source = source;
    [this.starts, this.ends] = spare ?? [new Int32Array(1024), new Int32Array(1024)];
    spare = null;
  }

  /** Where the editor is in the old text, in units. */
  get position(): number {
    return this.cursor;
  }

  /** Copies the old text as far as unit `end`. */
  keep(end: number): void {
    if (end <= this.cursor) return;
    this.written += this.source.text.slice(this.cursor, end);
    this.grow(end - this.cursor);
    for (let i = this.cursor; i < end; i++) {
      this.starts[this.length] = this.source.startOf(i);
      this.ends[this.length++] = this.source.endOf(i);
    }
    this.cursor = end;
  }

  /** Puts `text` in the place of the next character of the old text. */
  replace(text: string): void {
    const at = this.cursor;
    this.cursor += widthAt(this.source.text, at);
    this.emit(text, this.source.startOf(at), this.source.endOf(at));
  }

  /** Inserts `text`, which came from nowhere. */
  insert(text: string): void {
    const at = this.cursor - 1;
    const { base } = this.source;
    this.emit(text, at < 0 ? base : this.source.startOf(at), at < 0 ? base : this.source.endOf(at));
  }

  /** Leaves out the old text as far as unit `end`. */
  skip(end: number): void {
    if (end <= this.cursor) return;
    this.cursor = end;
    this.changed = true;
  }

  /** The rest of the old text, and the whole as a new one; the old one if nothing was changed. */
  finish(): AlignedText {
    if (this.changed) this.keep(this.source.text.length);
    const { starts, ends, length, source } = this;
    if (starts.length <= MAX_SPARE) spare = [starts, ends];
    if (!this.changed) return source;
    return AlignedText.aligned(this.written, source.base, starts.slice(0, length), ends.slice(0, length));
  }

  private emit(text: string, start: number, end: number): void {
    this.changed = true;
    if (text === '') return;
    this.written += text;
    this.grow(text.length);
    // Mostly one or two units: too few for fill().
    for (let i = 0; i < text.length; i++) {
      this.starts[this.length] = start;
      this.ends[this.length++] = end;
    }
  }

  private grow(units: number): void {
    const needed = this.length + units;
    if (needed <= this.starts.length) return;
    const size = Math.max(needed, 2 * this.starts.length);
    const [starts, ends] = [new Int32Array(size), new Int32Array(size)];
    starts.set(this.starts);
    ends.set(this.ends);
    [this.starts, this.ends] = [starts, ends];
  }
}
