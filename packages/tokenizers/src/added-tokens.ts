import { show, TokenizerError } from './error';
import { asBoolean, type JsonValue } from './json';
import { Trie } from './models/trie';
import type { Model, Normalizer } from './parts';
import { AlignedText } from './text/aligned-text';

/** A token found in the text before the model sees it. */
export interface AddedToken {
  readonly content: string;
  /** Default: the model's id of the content, or the next free one. */
  readonly id?: number;
  /** Left out when decoding, unless asked for. Default false. */
  readonly special?: boolean;
  /** Only where it is no part of a longer word. Default false. */
  readonly singleWord?: boolean;
  /** Takes in the white space on its left, or right. Default false. */
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  /** Looked for in the normalised text, itself normalised. Default: unless it is special. */
  readonly normalized?: boolean;
}

type Entry = Required<AddedToken>;

/** A part of a text: an added token, or what is between two. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Id of the added token, or -1. */
  readonly id: number;
}

const wordCharacter = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const whiteSpace = /\p{White_Space}/u; // none beyond the basic plane

/** The added tokens of a tokenizer. Immutable. */
export class AddedTokens {
  /** In the order of their ids. */
  readonly entries: readonly Entry[];
  private readonly byContent = new Map<string, Entry>();
  private readonly byId = new Map<number, Entry>();
  /** How each is written in normalised text, which is what decoders take. */
  private readonly written = new Map<number, string>();
  private readonly raw: Matcher;
  private readonly normalized: Matcher;

  /** @throws TokenizerError if an id belongs to another token. */
  constructor(tokens: readonly AddedToken[], model: Model, normalizer: Normalizer | null) {
    let next = model.idBound;
    // A hostile id must not make an embedding of its size.
    const limit = 16 * (model.idBound + tokens.length) + 1_000_000;
    for (const token of tokens) {
      if (token.content === '') continue;
      const content = token.content.toWellFormed();
      const own = model.tokenToId(content);
      const id = own ?? this.byContent.get(content)?.id ?? token.id ?? next;
      const other = this.byId.get(id)?.content ?? model.idToToken(id);
      if (!Number.isInteger(id) || id < 0 || id > limit || (other !== undefined && other !== content)) {
        const problem = other === undefined ? `not a whole number to ${limit}` : `which is the id of "${show(other)}"`;
        throw new TokenizerError('invalid-vocabulary', `added token "${show(content)}": id ${id}, ${problem}`);
      }
      next = Math.max(next, id + 1);
      const { special = false, singleWord = false, lstrip = false, rstrip = false, normalized = !special } = token;
      const entry = { content, id, special, singleWord, lstrip, rstrip, normalized };
      this.byContent.set(content, entry);
      this.byId.set(id, entry);
    }
    this.entries = [...this.byId.values()].sort((a, b) => a.id - b.id);
    // Of two that are found at the same place, special ones go first, then the one that was given first.
    const ordered = [...this.byContent.values()].sort((a, b) => Number(b.special) - Number(a.special));
    this.raw = new Matcher(ordered.filter((entry) => !entry.normalized).map((entry) => [entry.content, entry]));
    for (const { id, content, normalized } of ordered) {
      const written = normalized ? normalizer?.normalize(AlignedText.of(content)).text : undefined;
      this.written.set(id, written ?? content);
    }
    this.normalized = new Matcher(
      ordered.filter((entry) => entry.normalized).map((entry) => [this.written.get(entry.id)!, entry]),
    );
  }

  get idBound(): number {
    return this.entries.length === 0 ? 0 : this.entries[this.entries.length - 1].id + 1;
  }

  tokenToId(token: string): number | undefined {
    return this.byContent.get(token)?.id;
  }

  idToToken(id: number): string | undefined {
    return this.written.get(id);
  }

  isSpecial(id: number): boolean {
    return this.byId.get(id)?.special ?? false;
  }

  /** The parts of a text before normalisation, and after; null where there is no added token in it. */
  split(text: string, normalized: boolean): readonly Part[] | null {
    return (normalized ? this.normalized : this.raw).split(text);
  }
}

/** Finds the leftmost token, of several there the longest. */
class Matcher {
  private readonly trie = new Trie();
  private readonly found: Entry[] = [];
  /** Where a token could begin: one native scan tells that most texts have none. */
  private readonly candidates: RegExp | null;

  constructor(patterns: readonly (readonly [pattern: string, entry: Entry])[]) {
    const firsts = new Set<string>();
    const seen = new Set<string>();
    for (const [pattern, entry] of patterns) {
      if (pattern === '' || seen.has(pattern)) continue;
      seen.add(pattern);
      firsts.add(`\\u${pattern.charCodeAt(0).toString(16).padStart(4, '0')}`);
      this.trie.set(pattern, this.found.length);
      this.found.push(entry);
    }
    this.candidates = firsts.size === 0 ? null : new RegExp(`[${[...firsts].join('')}]`, 'g');
  }

  split(text: string): Part[] | null {
    const { candidates, trie } = this;
    if (candidates === null) return null;
    const parts: Part[] = [];
    let done = 0;
    candidates.lastIndex = 0;
    while (candidates.test(text)) {
      const at = candidates.lastIndex - 1;
      let value = -1;
      let stop = at;
      for (let i = at, node = 0; i < text.length;) {
        node = trie.child(node, text.charCodeAt(i++));
        if (node < 0) break;
        if (trie.valueAt(node) >= 0) {
          value = trie.valueAt(node);
          stop = i;
        }
      }
      if (value < 0) continue;
      candidates.lastIndex = stop;
      const { id, singleWord, lstrip, rstrip } = this.found[value];
      if (singleWord && (isWord(before(text, at)) || isWord(after(text, stop)))) continue;
      let start = at;
      if (lstrip) while (start > done && isSpace(text[start - 1])) start--;
      if (rstrip) while (stop < text.length && isSpace(text[stop])) stop++;
      if (done < start) parts.push({ start: done, end: start, id: -1 });
      parts.push({ start, end: stop, id });
      done = stop;
    }
    if (parts.length === 0) return null;
    if (done < text.length) parts.push({ start: done, end: text.length, id: -1 });
    return parts;
  }
}

const isSpace = (unit: string): boolean => whiteSpace.test(unit);
const isWord = (character: string): boolean => character !== '' && wordCharacter.test(character);
const before = (text: string, at: number): string => Array.from(text.slice(Math.max(0, at - 2), at)).at(-1) ?? '';
const after = (text: string, at: number): string => Array.from(text.slice(at, at + 2))[0] ?? '';

export function readAddedTokens(json: JsonValue): AddedToken[] {
  return json.items().map((token) => {
    const special = token.get('special').or(asBoolean, false);
    return {
      content: token.get('content').string(),
      id: token.get('id').integer(),
      special,
      singleWord: token.get('single_word').or(asBoolean, false),
      lstrip: token.get('lstrip').or(asBoolean, false),
      rstrip: token.get('rstrip').or(asBoolean, false),
      normalized: token.get('normalized').or(asBoolean, !special),
    };
  });
}
