import { asBoolean, type JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import type { Pieces } from '../text/pieces';
import { TextEditor } from '../text/text-editor';
import { prependToPieces } from './prepend';
import { checkCharacter, readCharacter } from './words';

export type PrependScheme = 'always' | 'first' | 'never';

export interface MetaspaceOptions {
  /** What spaces are written as. Default '▁'. */
  readonly replacement?: string;
  /** Whether a text, or only the very beginning of it, gets a space put before it. Default 'always'. */
  readonly prependScheme?: PrependScheme;
  /** Whether pieces begin at each space. Default true. */
  readonly split?: boolean;
}

/** Writes spaces as a visible character, SentencePiece's ▁, and cuts before each. */
export class Metaspace implements PreTokenizer {
  readonly replacement: string;
  readonly prependScheme: PrependScheme;
  private readonly cuts: boolean;

  constructor({ replacement = '▁', prependScheme = 'always', split = true }: MetaspaceOptions = {}) {
    this.replacement = checkCharacter('Metaspace: replacement', replacement);
    this.prependScheme = prependScheme;
    this.cuts = split;
  }

  static read(json: JsonValue): Metaspace {
    return new Metaspace(readMetaspace(json));
  }

  split(pieces: Pieces): Pieces {
    const { replacement, prependScheme } = this;
    let result = replaceSpaces(pieces, replacement);
    if (prependScheme !== 'never') {
      const { text } = result;
      result = prependToPieces(
        result,
        replacement,
        (start) =>
          !text.text.startsWith(replacement, start) && (prependScheme === 'always' || text.startOf(start) === 0),
      );
    }
    return this.cuts ? cutBefore(result, replacement) : result;
  }

  toJSON() {
    const { replacement, prependScheme, cuts } = this;
    return { type: 'Metaspace', replacement, prepend_scheme: prependScheme, split: cuts };
  }
}

/** The options of a Metaspace, as the pre-tokenizer and the decoder of that name have them in files. */
export function readMetaspace(json: JsonValue): Required<MetaspaceOptions> {
  const scheme = json
    .get('prepend_scheme')
    .or((value) => value.oneOf(['always', 'first', 'never'] as const), undefined);
  // Old files have `add_prefix_space` alone.
  const legacy = json.get('add_prefix_space');
  const added = legacy.or(asBoolean, true);
  if (scheme !== undefined && scheme !== 'never' && !added) {
    throw legacy.error(`false does not go with prepend_scheme "${scheme}"; remove one of the two`);
  }
  return {
    replacement: readCharacter(json.get('replacement')),
    prependScheme: scheme ?? (added ? 'always' : 'never'),
    split: json.get('split').or(asBoolean, true),
  };
}

function replaceSpaces(pieces: Pieces, replacement: string): Pieces {
  const { text } = pieces;
  if (!text.text.includes(' ')) return pieces;
  if (replacement.length === 1) return { ...pieces, text: text.withText(text.text.replaceAll(' ', replacement)) };
  const editor = new TextEditor(text);
  const bounds = [...pieces.bounds];
  let next = 0;
  let shift = 0;
  const moveTo = (end: number) => {
    while (next < bounds.length && bounds[next] <= end) bounds[next++] += shift;
  };
  for (let at = text.text.indexOf(' '); at >= 0; at = text.text.indexOf(' ', at + 1)) {
    editor.keep(at);
    moveTo(at);
    editor.replace(replacement);
    shift += replacement.length - 1;
  }
  moveTo(Infinity);
  return { ...pieces, text: editor.finish(), bounds };
}

function cutBefore(pieces: Pieces, mark: string): Pieces {
  const { text } = pieces.text;
  const bounds: number[] = [];
  let next = text.indexOf(mark);
  for (let i = 0; i < pieces.bounds.length; i += 2) {
    let start = pieces.bounds[i];
    const end = pieces.bounds[i + 1];
    if (next >= 0 && next <= start) next = text.indexOf(mark, start + 1);
    while (next >= 0 && next < end) {
      bounds.push(start, next);
      start = next;
      next = text.indexOf(mark, start + 1);
    }
    bounds.push(start, end);
  }
  return { ...pieces, bounds };
}
