import { show, TokenizerError } from '../error';
import { asBoolean, asInteger, type JsonValue } from '../json';
import type { Model, PartJSON } from '../parts';
import { widthAt } from '../text/aligned-text';
import type { TokenSink } from '../token-sink';
import { Trie } from './trie';
import { WordCache } from './word-cache';

/** Subtracted from the worst score for a character that no token has. */
const UNK_PENALTY = 10;

export interface UnigramOptions {
  /** Pieces and their log probabilities; the id of a piece is its index. */
  readonly vocab: readonly (readonly [piece: string, score: number])[];
  /** Index of the unknown piece. Default null: an unknown character is an error. */
  readonly unkId?: number | null;
  /** Write unknown characters as their bytes in UTF-8, `<0xE2>`. Default false. */
  readonly byteFallback?: boolean;
  /** How a piece is cut, in place of taking the best way: `sampling` makes one that draws. Default null. */
  readonly chooser?: Chooser | null;
}

/** One way to cut a piece: where each token ends, in UTF-16 units, its id, and the sum of the scores. */
export interface Segmentation {
  readonly ends: readonly number[];
  readonly ids: readonly number[];
  readonly score: number;
}

/** Takes one of the ways to cut a piece. */
export type Chooser = (model: Unigram, piece: string) => Segmentation;

/** The segmentation of the highest probability, each token on its own (Kudo 2018, §3.2): T5's and XLM-R's model. */
export class Unigram implements Model {
  readonly idBound: number;
  readonly size: number;
  readonly unkToken: string | null;
  private readonly vocab: UnigramOptions['vocab'];
  private readonly ids = new Map<string, number>();
  private readonly scores: Float64Array;
  private readonly trie = new Trie();
  private readonly unkId: number | null;
  private readonly unkScore: number;
  private readonly byteFallback: boolean;
  private readonly chooser: Chooser | null;
  private readonly words = new WordCache();
  /** Best score up to each unit of a piece, where its last token begins, and its id. */
  private best = new Float64Array(64);
  private from = new Int32Array(64);
  private last = new Int32Array(64);

  constructor({ vocab, unkId = null, byteFallback = false, chooser = null }: UnigramOptions) {
    if (unkId !== null && !(Number.isInteger(unkId) && unkId >= 0 && unkId < vocab.length)) {
      throw new TokenizerError(
        'invalid-option',
        `Unigram: unkId is ${unkId}, expected an index of one of the ${vocab.length} pieces`,
      );
    }
    this.vocab = vocab;
    this.unkToken = unkId === null ? null : vocab[unkId][0];
    this.idBound = vocab.length;
    this.scores = new Float64Array(vocab.length);
    let worst = Infinity;
    for (let id = 0; id < vocab.length; id++) {
      const [piece, score] = vocab[id];
      if (!Number.isFinite(score)) {
        throw new TokenizerError(
          'invalid-vocabulary',
          `Unigram: the score of piece ${id}, "${show(piece)}", is ${score}`,
        );
      }
      this.scores[id] = score;
      worst = Math.min(worst, score);
      this.ids.set(piece, id);
      if (piece !== '') this.trie.set(piece, id);
    }
    this.size = this.ids.size;
    this.unkId = unkId;
    this.unkScore = worst - UNK_PENALTY;
    this.byteFallback = byteFallback;
    this.chooser = chooser;
  }

  tokenToId(token: string): number | undefined {
    return this.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab[id]?.[0];
  }

  /** @throws TokenizerError for an unknown character, if there is no unknown piece. */
  tokenize(text: string, start: number, end: number, sink: TokenSink): void {
    const piece = text.slice(start, end);
    if (this.chooser !== null) {
      this.emit(this.chooser(this, piece), piece, start, sink);
      return;
    }
    if (this.words.replay(piece, start, end, sink)) return;
    const from = sink.length;
    const texts = sink.texts.size;
    this.emit(this.viterbi(piece), piece, start, sink);
    // Unknown pieces are written as in the text, which the cache does not hold.
    if (sink.texts.size === texts) this.words.remember(piece, start, sink, from);
  }

  toJSON(): PartJSON {
    return {
      type: 'Unigram',
      unk_id: this.unkId,
      vocab: this.vocab.map(([piece, score]) => [piece, score]),
      byte_fallback: this.byteFallback,
    };
  }

  private viterbi(piece: string): Segmentation {
    const { trie, scores, unkScore } = this;
    const n = piece.length;
    if (n >= this.best.length) {
      this.best = new Float64Array(2 * n);
      this.from = new Int32Array(2 * n);
      this.last = new Int32Array(2 * n);
    }
    const { best, from, last } = this;
    from.fill(-1, 0, n + 1);
    best[0] = 0;
    for (let at = 0; at < n;) {
      const here = best[at];
      const width = widthAt(piece, at);
      let single = false;
      for (let i = at, node = 0; i < n;) {
        node = trie.child(node, piece.charCodeAt(i++));
        if (node < 0) break;
        const id = trie.valueAt(node);
        if (id < 0) continue;
        const score = scores[id] + here;
        if (from[i] < 0 || score > best[i]) {
          best[i] = score;
          from[i] = at;
          last[i] = id;
        }
        if (i - at === width) single = true;
      }
      if (!single) {
        const stop = at + width;
        const score = unkScore + here;
        if (from[stop] < 0 || score > best[stop]) {
          best[stop] = score;
          from[stop] = at;
          last[stop] = this.requireUnk(piece.slice(at, stop));
        }
      }
      at += width;
    }
    const ends: number[] = [];
    const ids: number[] = [];
    for (let end = n; end > 0; end = from[end]) {
      ends.push(end);
      ids.push(last[end]);
    }
    return { ends: ends.reverse(), ids: ids.reverse(), score: best[n] };
  }

  /** @internal Calls `add` for each token that could stand in a piece, in the order of where it begins. */
  candidates(piece: string, add: (start: number, end: number, id: number, score: number) => void): void {
    for (let at = 0; at < piece.length;) {
      const width = widthAt(piece, at);
      let single = false;
      for (let i = at, node = 0; i < piece.length;) {
        node = this.trie.child(node, piece.charCodeAt(i++));
        if (node < 0) break;
        const id = this.trie.valueAt(node);
        if (id < 0) continue;
        add(at, i, id, this.scores[id]);
        if (i - at === width) single = true;
      }
      if (!single) add(at, at + width, this.requireUnk(piece.slice(at, at + width)), this.unkScore);
      at += width;
    }
  }

  /** Unknown characters in a row are one token. */
  private emit({ ends, ids }: Segmentation, piece: string, start: number, sink: TokenSink): void {
    let begin = 0;
    for (let i = 0; i < ends.length; i++) {
      const id = ids[i];
      if (id !== this.unkId) {
        sink.push(id, start + begin, start + ends[i]);
      } else {
        while (ids[i + 1] === id) i++;
        this.emitUnknown(piece.slice(begin, ends[i]), start + begin, start + ends[i], sink);
      }
      begin = ends[i];
    }
  }

  private emitUnknown(text: string, start: number, end: number, sink: TokenSink): void {
    // The text may spell a piece: the unknown piece itself, or several of them in a row.
    const known = this.ids.get(text);
    if (known !== undefined) {
      sink.push(known, start, end);
      return;
    }
    if (this.byteFallback) {
      const ids = Array.from(new TextEncoder().encode(text), (byte) =>
        this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
      );
      if (!ids.includes(undefined)) {
        for (const id of ids) sink.push(id!, start, end);
        return;
      }
    }
    sink.pushText(this.unkId!, start, end, text);
  }

  private requireUnk(character: string): number {
    if (this.unkId !== null) return this.unkId;
    throw new TokenizerError(
      'unknown-token',
      `Unigram: "${show(character)}" is in no piece, and there is no unknown piece; set unkId`,
    );
  }
}

export function readUnigram(json: JsonValue): Unigram {
  const vocab = json
    .get('vocab')
    .items()
    .map((entry): [string, number] => {
      const parts = entry.items();
      if (parts.length !== 2) throw entry.error('expected a piece and its score');
      return [parts[0].string(), parts[1].number()];
    });
  return new Unigram({
    vocab,
    unkId: json.get('unk_id').or(asInteger, null),
    byteFallback: json.get('byte_fallback').or(asBoolean, false),
  });
}
