import { describe, expect, it } from 'vitest';

import { fileFailure, golden, modelBytes, seeded, succeeds, testModel } from '../../test/files';
import { WireWriter } from './protobuf';
import {
  defaultNormalizer,
  defaultTrainer,
  readSentencePiece,
  writeSentencePiece,
  type SentencePieceModel,
} from './sentencepiece';
import { sentencePieceToTokenizerJson } from './sentencepiece-json';

const small: SentencePieceModel = {
  pieces: [
    { piece: '<unk>', score: 0, type: 'unknown' },
    { piece: '<s>', score: 0, type: 'control' },
    { piece: '▁a', score: -1.5, type: 'normal' },
    { piece: 'b', score: -2, type: 'normal' },
  ],
  trainer: { ...defaultTrainer, vocabSize: 4, padId: -1, eosId: -1 },
  normalizer: { ...defaultNormalizer, name: 'identity' },
  rest: new Uint8Array(0),
};
const bytes = writeSentencePiece(small);

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a SentencePiece model', () => {
  it('has the fields that sentencepiece gives it', () => {
    const model = readSentencePiece(testModel);
    expect(model.pieces.length).toBe(1000);
    expect(model.pieces.slice(0, 5)).toMatchObject([
      { piece: '<unk>', score: 0, type: 'unknown' },
      { piece: '<s>', score: 0, type: 'control' },
      { piece: '</s>', score: 0, type: 'control' },
      { piece: '\r', score: Math.fround(-2.9318392276763916), type: 'normal' },
      { piece: '▁', score: Math.fround(-3.3334579467773438), type: 'normal' },
    ]);
    expect(model.trainer).toMatchObject({
      modelType: 'unigram',
      vocabSize: 1000,
      unkId: 0,
      bosId: 1,
      eosId: 2,
      padId: -1,
    });
    expect(model.normalizer).toMatchObject({ name: 'nfkc', addDummyPrefix: true, removeExtraWhitespaces: true });
    expect(model.normalizer.precompiledCharsmap.length).toBe(237_484);
  });

  it.each([...Object.keys(golden.sentencePiece), 'test model'])('is written as it was read: %s', (name) => {
    const file = name === 'test model' ? testModel : modelBytes(name as keyof typeof golden.sentencePiece);
    expect(hex(writeSentencePiece(readSentencePiece(file)))).toBe(hex(file));
  });

  it('is read as it was written', () => {
    expect(readSentencePiece(bytes)).toEqual(small);
    const all = { ...defaultTrainer, modelType: 'bpe', byteFallback: true, unkSurface: '\ufeff?', padId: 3 } as const;
    expect(readSentencePiece(writeSentencePiece({ ...small, trainer: all })).trainer).toEqual(all);
  });

  it('keeps what it does not know when something is changed', () => {
    const model = readSentencePiece(testModel);
    const trainer = { ...model.trainer, bosId: -1, padPiece: '[PAD]' };
    const again = readSentencePiece(writeSentencePiece({ ...model, trainer }));
    expect({ ...again.trainer, kept: null }).toEqual({ ...trainer, kept: null });
    // The training corpus is none of the fields that are read.
    expect(Buffer.from(again.trainer.kept!).includes(Buffer.from('botchan'))).toBe(true);
    expect(hex(writeSentencePiece({ ...again, trainer: { ...again.trainer, bosId: 1, padPiece: '<pad>' } }))).toContain(
      hex(ascii('botchan')),
    );

    const rest = fromHex('22 03 0a 01 41 c2 3e 01 42'); // Samples, and a field of number 1000.
    const unknown = fromHex('0a 01 78 15 00 00 80 bf ca 0c 01 43'); // A piece with a field of number 201.
    const writer = new WireWriter();
    writer.raw(bytes);
    writer.field(1, unknown);
    writer.raw(rest);
    const odd = readSentencePiece(writer.finish());
    expect(odd.rest).toEqual(rest);
    expect(odd.pieces[4]).toEqual({ piece: 'x', score: -1, type: 'normal', kept: unknown });
    const written = writeSentencePiece({ ...odd, pieces: odd.pieces.with(4, { ...odd.pieces[4], piece: 'y' }) });
    expect(hex(written)).toContain('0a0179150000 80bfca0c0143'.replace(' ', ''));
  });

  it('joins parts of a message that stand apart, as protobuf does', () => {
    const writer = new WireWriter();
    writer.raw(bytes);
    writer.field(2, fromHex('18 02')); // modelType
    expect(readSentencePiece(writer.finish()).trainer).toMatchObject({ modelType: 'bpe', vocabSize: 4, eosId: -1 });
  });
});

describe('a bad file', () => {
  it('is never read when it is cut off', () => {
    for (const file of [bytes, modelBytes('unigram')]) {
      for (let end = 0; end < file.length; end++) {
        expect(fileFailure(() => readSentencePiece(file.subarray(0, end)))).toMatch(/^SentencePiece model/u);
      }
    }
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /the file is empty/u],
    ['gzip', fromHex('1f 8b 08 00'), /compressed \(gzip\); decompress it first/u],
    ['zip', 'PK\x03\x04', /a zip archive; unpack/u],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:1', /run git lfs pull/u],
    ['a page', '\n<!DOCTYPE html><html>', /a page of HTML or XML/u],
    ['JSON', '{"version": "1.0"}', /byte 0: field 15 has the wire type 3/u],
    ['a length of 1 GB', fromHex('0a 80 80 80 80 04'), /byte 0: field 1 claims 1073741824 bytes, 0 are left/u],
    [
      'a length of 2 ** 63',
      fromHex('0a 80 80 80 80 80 80 80 80 80 01'),
      /claims 9223372036854776000 bytes, 0 are left/u,
    ],
    ['a number without an end', fromHex('10 ff ff ff ff ff ff ff ff ff ff ff'), /byte 1: a number does not end/u],
    ['a field 0', fromHex('00 00'), /byte 0: a field has the number 0/u],
    [
      'a piece that is a number',
      fromHex('08 01'),
      /byte 0: pieces\[0\] is a varint, expected bytes of a given length/u,
    ],
    [
      'a score that is text',
      fromHex('0a 03 12 01 41'),
      /byte 2: pieces\[0\]\.score is bytes of a given length, expected 4/u,
    ],
    ['text that is not UTF-8', fromHex('0a 04 0a 02 c3 28'), /byte 2: pieces\[0\]\.piece is not UTF-8/u],
    [
      'a score of NaN',
      fromHex('0a 08 0a 01 61 15 00 00 c0 7f'),
      /byte 5: pieces\[0\]\.score is NaN, expected a finite/u,
    ],
    ['an infinite score', fromHex('0a 08 0a 01 61 15 00 00 80 ff'), /score is -Infinity/u],
    ['a type of 7', fromHex('0a 05 0a 01 61 18 07'), /byte 5: pieces\[0\]\.type is 7, expected a number from 1 to 6/u],
    ['a piece without text', fromHex('0a 02 18 02'), /byte 0: pieces\[0\] has no text/u],
    ['no piece', fromHex('12 00'), /there are no pieces/u],
  ])('says what is wrong: %s', (_, file, message) => {
    const data = typeof file === 'string' ? ascii(file) : file;
    expect(fileFailure(() => readSentencePiece(data))).toMatch(message);
  });

  it('says which pieces cannot be', () => {
    const pieces = (...more: SentencePieceModel['pieces']): SentencePieceModel => ({
      ...small,
      pieces: [...small.pieces, ...more],
    });
    const fails = (model: SentencePieceModel): string => fileFailure(() => writeSentencePiece(model));
    expect(fails(pieces({ piece: 'b', score: 0, type: 'normal' }))).toMatch(/pieces 3 and 4 are both "b"; remove one/u);
    expect(fails(pieces({ piece: 'c', score: NaN, type: 'normal' }))).toMatch(/pieces\[4\]: score is NaN/u);
    expect(fails(pieces({ piece: 'c', score: 0, type: 'unknown' }))).toMatch(/pieces 0 and 4 both have type unknown/u);
    expect(fails({ ...small, pieces: small.pieces.slice(1) })).toMatch(/none of 3 pieces has type unknown/u);
  });

  it('is read or refused with its place, whatever was changed in it', () => {
    const random = seeded(1);
    const below = (n: number): number => Math.floor(random() * n);
    const files = [bytes, bytes, bytes, modelBytes('char')];
    let read = 0;
    for (let run = 0; run < 20_000; run++) {
      const file = Array.from(files[below(files.length)]);
      for (let changes = 1 + below(3); changes > 0; changes--) {
        const at = below(file.length);
        const kind = below(5);
        if (kind === 0) file[at] = below(256);
        else if (kind === 1) file[at] ^= 1 << below(8);
        else if (kind === 2) file.splice(at, 1 + below(4));
        else if (kind === 3) file.splice(at, 0, ...Array.from({ length: 1 + below(4) }, () => below(256)));
        else file.splice(at, 0, ...file.slice(below(at + 1), at + 1));
      }
      const data = Uint8Array.from(file);
      if (!succeeds(() => readSentencePiece(data))) continue;
      read++;
      const model = readSentencePiece(data);
      expect(readSentencePiece(writeSentencePiece(model))).toEqual(model);
      succeeds(() => sentencePieceToTokenizerJson(model));
    }
    expect(read).toBeGreaterThan(1000);
  }, 30_000);
});
