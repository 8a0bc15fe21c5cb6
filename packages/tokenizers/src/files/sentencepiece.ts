import { checkFileKind, fileError, quote } from './file-error';
import { WireReader, WireType, WireWriter } from './protobuf';
import {
  boolField,
  bytesField,
  enumField,
  floatField,
  intField,
  readMessage,
  stringField,
  writeMessage,
  type Kept,
  type Schema,
} from './protobuf-message';

const KIND = 'SentencePiece model';

const pieceTypes = ['normal', 'unknown', 'control', 'userDefined', 'unused', 'byte'] as const;
const modelTypes = ['unigram', 'bpe', 'word', 'char'] as const;

interface PieceFields {
  readonly piece: string;
  /** Unigram: the logarithm of its probability. BPE: pieces of a higher score are merged first. */
  readonly score: number;
  readonly type: (typeof pieceTypes)[number];
}

interface TrainerFields {
  readonly modelType: (typeof modelTypes)[number];
  readonly vocabSize: number;
  /** White space is written at the end of a word's last piece, not at the beginning of its first. */
  readonly treatWhitespaceAsSuffix: boolean;
  /** Characters without a piece become their bytes, `<0xE2>` and so on. */
  readonly byteFallback: boolean;
  /** -1: none, here and in the next three. */
  readonly unkId: number;
  readonly bosId: number;
  readonly eosId: number;
  readonly padId: number;
  readonly unkSurface: string;
  readonly unkPiece: string;
  readonly bosPiece: string;
  readonly eosPiece: string;
  readonly padPiece: string;
}

interface NormalizerFields {
  /** Of the rules, such as `nmt_nfkc`. */
  readonly name: string;
  /** The rules: a trie and the texts to put in place. Empty: none. */
  readonly precompiledCharsmap: Uint8Array;
  /** Text gets a space in front, so that its first word is as any other. */
  readonly addDummyPrefix: boolean;
  /** Spaces at the ends are removed, and several become one. */
  readonly removeExtraWhitespaces: boolean;
  /** Spaces become `▁`. */
  readonly escapeWhitespaces: boolean;
}

export type SentencePiece = PieceFields & Kept;
export type SentencePieceTrainer = TrainerFields & Kept;
export type SentencePieceNormalizer = NormalizerFields & Kept;

/** What a SentencePiece `.model` holds, as plain data. Where a field means nothing to encoding, only its bytes are kept. */
export interface SentencePieceModel {
  /** Piece i has id i. */
  readonly pieces: readonly SentencePiece[];
  readonly trainer: SentencePieceTrainer;
  readonly normalizer: SentencePieceNormalizer;
  /** Fields of the file that are none of the above: samples to test with, rules for decoded text. */
  readonly rest: Uint8Array;
}

// Field numbers and defaults: sentencepiece_model.proto.
const pieceSchema: Schema<PieceFields> = {
  piece: stringField(1, '', true),
  score: floatField(2),
  type: enumField(3, pieceTypes),
};

const trainerSchema: Schema<TrainerFields> = {
  modelType: enumField(3, modelTypes),
  vocabSize: intField(4, 8000),
  treatWhitespaceAsSuffix: boolField(24, false),
  byteFallback: boolField(35, false),
  unkId: intField(40, 0),
  bosId: intField(41, 1),
  eosId: intField(42, 2),
  padId: intField(43, -1),
  unkSurface: stringField(44, ' \u2047 '),
  unkPiece: stringField(45, '<unk>'),
  bosPiece: stringField(46, '<s>'),
  eosPiece: stringField(47, '</s>'),
  padPiece: stringField(48, '<pad>'),
};

const normalizerSchema: Schema<NormalizerFields> = {
  name: stringField(1),
  precompiledCharsmap: bytesField(2),
  addDummyPrefix: boolField(3, true),
  removeExtraWhitespaces: boolField(4, true),
  escapeWhitespaces: boolField(5, true),
};

const fieldNumbers = { pieces: 1, trainer: 2, normalizer: 3 } as const;

/** The fields of a trainer that has all its defaults; spread it to make one. */
export const defaultTrainer: SentencePieceTrainer = readMessage(trainerSchema, KIND, 'trainer', new Uint8Array(0));

/** The fields of a normalizer that has all its defaults: no rules, extra spaces removed, a space put in front. */
export const defaultNormalizer: SentencePieceNormalizer = readMessage(
  normalizerSchema,
  KIND,
  'normalizer',
  new Uint8Array(0),
);

/**
 * Reads the bytes of a SentencePiece `.model`.
 *
 * @throws TokenizerError with the place in the file, if they are not such a file, cut off, or damaged.
 */
export function readSentencePiece(bytes: Uint8Array): SentencePieceModel {
  checkFileKind(KIND, bytes);
  const pieces: SentencePiece[] = [];
  const trainerParts: Uint8Array[] = [];
  const normalizerParts: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  const reader = new WireReader(KIND, bytes);
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    const { number, start, content, end } = field;
    if (number === fieldNumbers.pieces) {
      const name = `pieces[${pieces.length}]`;
      reader.expect(field, name, WireType.bytes);
      pieces.push(readMessage(pieceSchema, KIND, name, bytes, content, end));
      if (pieces[pieces.length - 1].piece === '') throw reader.error(start, `${name} has no text`);
    } else if (number === fieldNumbers.trainer) {
      reader.expect(field, 'trainer', WireType.bytes);
      trainerParts.push(bytes.subarray(content, end));
      readMessage(trainerSchema, KIND, 'trainer', bytes, content, end); // For errors with their place in the file.
    } else if (number === fieldNumbers.normalizer) {
      reader.expect(field, 'normalizer', WireType.bytes);
      normalizerParts.push(bytes.subarray(content, end));
      readMessage(normalizerSchema, KIND, 'normalizer', bytes, content, end);
    } else {
      rest.push(bytes.subarray(start, end));
    }
  }
  checkPieces(pieces);
  for (const [name, parts] of [['trainer', trainerParts] as const, ['normalizer', normalizerParts] as const]) {
    if (parts.length > 0) continue;
    throw fileError(KIND, `byte ${bytes.length}`, `the file ends without a ${name}; it was cut off, get it again`);
  }
  return {
    pieces,
    // Parts of one message that stand apart are one message, in protobuf, where the later ones win.
    trainer: readMessage(trainerSchema, KIND, 'trainer', concat(trainerParts)),
    normalizer: readMessage(normalizerSchema, KIND, 'normalizer', concat(normalizerParts)),
    rest: concat(rest),
  };
}

/**
 * The bytes of a SentencePiece `.model`; of a model that was read and not changed, the bytes that it was read from.
 *
 * @throws TokenizerError if a piece is empty, stands twice, or if not exactly one is of type unknown.
 */
export function writeSentencePiece(model: SentencePieceModel): Uint8Array {
  checkPieces(model.pieces);
  const writer = new WireWriter();
  for (const piece of model.pieces) writer.field(fieldNumbers.pieces, writeMessage(pieceSchema, KIND, piece));
  writer.field(fieldNumbers.trainer, writeMessage(trainerSchema, KIND, model.trainer));
  writer.field(fieldNumbers.normalizer, writeMessage(normalizerSchema, KIND, model.normalizer));
  writer.raw(model.rest);
  return writer.finish();
}

/** Throws unless no piece is empty or stands twice, scores are finite and one piece is of type unknown. */
export function checkPieces(pieces: readonly SentencePiece[]): void {
  if (pieces.length === 0) throw fileError(KIND, '', 'there are no pieces; the file is damaged or of another kind');
  const ids = new Map<string, number>();
  let unknown = -1;
  for (const [id, { piece, score, type }] of pieces.entries()) {
    const place = `pieces[${id}]`;
    const twice = ids.get(piece);
    if (twice !== undefined) {
      throw fileError(KIND, place, `pieces ${twice} and ${id} are both ${quote(piece)}; remove one or rename it`);
    }
    if (piece === '') throw fileError(KIND, place, 'has no text; remove it or give it one');
    if (!Number.isFinite(score)) throw fileError(KIND, place, `score is ${score}, expected a finite number`);
    ids.set(piece, id);
    if (type === 'unknown') {
      if (unknown >= 0) {
        throw fileError(KIND, place, `pieces ${unknown} and ${id} both have type unknown; give one another type`);
      }
      unknown = id;
    }
  }
  if (unknown < 0) {
    throw fileError(
      KIND,
      '',
      `none of ${pieces.length} pieces has type unknown (<unk>); add one, or get the file again`,
    );
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new WireWriter();
  for (const part of parts) writer.raw(part);
  return writer.finish();
}
