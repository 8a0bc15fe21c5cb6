import { fallbackByte } from './decoders/bytes';
import type { DecodeOptions, Tokenizer } from './tokenizer';

export interface DecodeStreamOptions {
  /**
   * Whether the text of an id can depend on ids after it in other ways than as a character whose bytes are still to
   * come. The ByteFallback decoder's are of this kind: one byte that is not UTF-8 makes all of its run U+FFFD. Their
   * text comes with the next id that is not open.
   */
  readonly isOpen?: (id: number) => boolean;
}

// No more than this many U+FFFD at the end of a text can be the bytes of one character that is not complete yet.
const MAX_INCOMPLETE = 3;
// More ids than an incomplete character has, with some that give no text in between.
const MAX_WINDOW = 16;

/**
 * Decodes ids one by one: all outputs together are the text of all ids.
 *
 * Not all ids are decoded again for each new one, but a window: the ids of the text put out last, since decoders treat
 * the first token of a text differently, and those after it, whose text is still open.
 */
export class DecodeStream {
  private window: number[] = [];
  /** How many ids at the beginning of the window had all their text put out. */
  private finished = 0;
  /** Units of the window's text that were put out. */
  private emitted = 0;
  /** Whether the window ends with open ids. */
  private isOpen = false;

  constructor(
    private readonly decode: (ids: readonly number[]) => string,
    private readonly options: DecodeStreamOptions = {},
  ) {}

  /** The text that has become certain with `id`; never half a character. */
  push(id: number): string {
    this.window.push(id);
    // An id without text does not end a run of open ones.
    this.isOpen = this.options.isOpen?.(id) === true || (this.isOpen && this.decode([id]) === '');
    if (this.isOpen) return '';
    const text = this.decode(this.window);
    const open = incompleteUnits(text);
    const output = text.slice(this.emitted, text.length - open);
    if (open > 0) {
      this.emitted = Math.max(this.emitted, text.length - open);
      this.shorten(open);
    } else if (output !== '') {
      this.window = this.window.slice(this.finished);
      this.finished = this.window.length;
      this.emitted = this.decode(this.window).length;
    } else {
      this.dropRepeated(id);
    }
    return output;
  }

  /** The rest of the text, characters that were not completed as U+FFFD; the stream is then as new. */
  end(): string {
    const output = this.decode(this.window).slice(this.emitted);
    this.window = [];
    this.finished = 0;
    this.emitted = 0;
    this.isOpen = false;
    return output;
  }

  /** Keeps the window short in a long row of bytes that are no characters. */
  private shorten(open: number): void {
    if (this.window.length <= MAX_WINDOW) return;
    const id = this.window[this.window.length - 1];
    if (this.decode([id]) === '') this.dropRepeated(id);
    const window = this.window.slice(-MAX_WINDOW / 2);
    const text = this.decode(window);
    if (incompleteUnits(text) !== open) return;
    this.window = window;
    this.finished = 0;
    this.emitted = text.length - open;
  }

  /** Of an id that gives no text, such as a special token that is left out, only the last in the window counts. */
  private dropRepeated(id: number): void {
    const before = this.window.indexOf(id, this.finished);
    if (before < this.window.length - 1) this.window.splice(before, 1);
  }
}

/** Units at the end of a text that may become another character. */
function incompleteUnits(text: string): number {
  let count = 0;
  while (count < MAX_INCOMPLETE && text.charCodeAt(text.length - 1 - count) === 0xfffd) count++;
  return count;
}

/** Decodes token by token, as a model gives them: text comes out as soon as it is certain, never half a character. */
export const decodeStream = (tokenizer: Tokenizer, options: DecodeOptions = {}): DecodeStream =>
  new DecodeStream((ids) => tokenizer.decode(ids, options), {
    isOpen: (id) => fallbackByte(tokenizer.idToToken(id) ?? '') >= 0,
  });
