import { type OnProgress, OptionChecks, Stage, type WordCounts } from './options';
import { PieceGraph } from './piece-graph';
import { pieceText, type PieceText, spellOut } from './piece-text';
import { expectedCounts, maximized, select } from './unigram-em';
import { pruned } from './unigram-pruning';
import { type Pieces, unigramSeeds } from './unigram-seeds';

export interface UnigramTrainingOptions {
  /** Pieces in all, special ones included. Default 8000. */
  readonly vocabSize?: number;
  /** EM steps before each pruning. Default 2. */
  readonly nSubIterations?: number;
  /** The part of the pieces that a pruning keeps. Default 0.75. */
  readonly shrinkingFactor?: number;
  /** The longest piece, in characters. Default 16. */
  readonly maxPieceLength?: number;
  /** Pieces to begin with, at most. Default 1,000,000. */
  readonly seedSize?: number;
  /** Stands for what no piece covers. Default none: such text cannot be encoded. */
  readonly unkToken?: string;
  /** Characters to be pieces whether they occur or not. Default none. */
  readonly initialAlphabet?: readonly string[];
  /** The first pieces of the vocabulary. Default none. */
  readonly specialTokens?: readonly string[];
  readonly onProgress?: OnProgress;
}

export interface TrainedUnigram {
  /** Pieces and the logarithms of their probabilities, in the order of ids. */
  readonly vocab: [string, number][];
  /** The id of `unkToken`, null without one. */
  readonly unkId: number | null;
}

const optionNames: readonly (keyof UnigramTrainingOptions)[] = [
  'vocabSize',
  'nSubIterations',
  'shrinkingFactor',
  'maxPieceLength',
  'seedSize',
  'unkToken',
  'initialAlphabet',
  'specialTokens',
  'onProgress',
];

/**
 * A unigram language model of pieces (Kudo 2018): starts with many pieces, finds their probabilities by EM and prunes
 * those that the words miss least, until the vocabulary has its size. Gives what the Rust library's UnigramTrainer
 * gives, but for the last bits of scores, which differ between its own runs as well.
 *
 * @throws TokenizerError if an option or a count is not as expected.
 */
export function trainUnigram(words: WordCounts, options: UnigramTrainingOptions = {}): TrainedUnigram {
  const checks = new OptionChecks('trainUnigram', options, optionNames);
  checks.words(words);
  const vocabSize = checks.wholeNumber('vocabSize', 8000, 1);
  const subIterations = checks.wholeNumber('nSubIterations', 2, 1);
  const shrinkingFactor = checks.fraction('shrinkingFactor', 0.75);
  const maxPieceLength = checks.wholeNumber('maxPieceLength', 16, 1);
  const seedSize = checks.wholeNumber('seedSize', 1_000_000, 1);
  const unkToken = checks.text('unkToken');
  const initialAlphabet = checks.characters('initialAlphabet');
  const specialTokens = [...checks.texts('specialTokens')];
  const onProgress = checks.onProgress();

  let unkId: number | null = null;
  if (unkToken !== undefined) {
    unkId = Math.max(0, specialTokens.indexOf(unkToken));
    if (specialTokens[unkId] !== unkToken) specialTokens.unshift(unkToken);
  }
  if (vocabSize < specialTokens.length) {
    throw checks.error(`vocabSize is ${vocabSize}, too small for ${specialTokens.length} special tokens`);
  }
  const text = pieceText(words);
  const required = requiredCharacters(text, initialAlphabet);
  if (required.length > vocabSize) {
    throw checks.error(
      `vocabSize is ${vocabSize}, too small for the ${required.length} characters of the words and the initial alphabet; ` +
        'raise it, or normalize the texts',
    );
  }

  const seeding = new Stage(onProgress, 'seeds', text.codes.length);
  const seeds = unigramSeeds(text, maxPieceLength, seedSize);
  const graph = new PieceGraph(text, seeds);
  seeding.end();

  let { pieces } = seeds;
  const count = (): number => pieces.length.length;
  // A tenth more than wanted, so that there is a choice in the end.
  const wanted = Math.floor((vocabSize * 11) / 10);
  const loops = Math.max(0, Math.trunc((Math.log(wanted) - Math.log(count())) / Math.log(shrinkingFactor))) + 1;
  const training = new Stage(onProgress, 'em', loops * subIterations);
  for (let steps = 0; ;) {
    for (let i = 0; i < subIterations; i++) {
      const score = maximized(expectedCounts(graph, pieces.score));
      const kept = [...score.keys()].filter((piece) => score[piece] !== undefined);
      pieces = select(pieces, score as number[], kept, graph);
      training.report(++steps);
    }
    if (count() <= wanted) break;
    const kept = pruned(pieces, graph, Math.max(wanted, Math.floor(count() * shrinkingFactor)));
    if (kept.length >= count()) break; // nothing can be spared, and never will
    pieces = select(pieces, pieces.score, kept, graph);
  }
  training.end();

  const vocab = finalPieces(text, pieces, required, vocabSize - specialTokens.length);
  return { vocab: [...specialTokens.map((token): [string, number] => [token, 0]), ...vocab], unkId };
}

/** All characters, in ascending order. Rust takes them in the order of a hash table, which shows between equals. */
function requiredCharacters({ codes, start, length }: PieceText, initialAlphabet: readonly number[]): number[] {
  const required = new Set(initialAlphabet);
  for (let w = 0; w < start.length; w++) {
    for (let i = start[w]; i < start[w] + length[w]; i++) required.add(codes[i]);
  }
  return [...required].sort((a, b) => a - b);
}

/** The characters and, as long as there is room, the other pieces; the likeliest first. */
function finalPieces(text: PieceText, pieces: Pieces, required: readonly number[], room: number): [string, number][] {
  const { start, length, score } = pieces;
  const characters = new Map<number, number>();
  const others: number[] = [];
  let least = Infinity;
  for (let piece = 1; piece < score.length; piece++) {
    least = Math.min(least, score[piece]);
    if (length[piece] === 1) characters.set(text.codes[start[piece]], score[piece]);
    else others.push(piece);
  }
  let penalty = 0;
  const final = required.map((code): [string, number] => {
    const character = String.fromCodePoint(code);
    const known = characters.get(code);
    if (known !== undefined) return [character, known];
    const below: [string, number] = [character, least + penalty];
    penalty += 0.0001;
    return below;
  });
  for (const piece of others) {
    const spelled = spellOut(text, start[piece], length[piece]);
    if (spelled === '<UNK>') continue; // the name of the unknown piece while Rust trains
    final.push([spelled, score[piece]]);
    if (final.length === room) break; // where the characters fill the room, Rust takes all pieces
  }
  return final.sort(([, a], [, b]) => b - a);
}
