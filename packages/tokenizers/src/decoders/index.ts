import type { JsonValue } from '../json';
import type { Decoder } from '../parts';
import { ByteFallback, ByteLevelDecoder } from './bytes';
import { Fuse, Replace, Strip } from './texts';
import { BPEDecoder, CTC, MetaspaceDecoder, WordPieceDecoder } from './words';

export { ByteFallback, ByteLevelDecoder, fallbackByte } from './bytes';
export { Fuse, Replace, Strip } from './texts';
export { BPEDecoder, CTC, MetaspaceDecoder, WordPieceDecoder } from './words';

/** Decoders one after the other: each takes the parts that the one before gave. */
export class DecoderSequence implements Decoder {
  constructor(readonly decoders: readonly Decoder[]) {}

  decode(tokens: readonly string[]): string[] {
    return this.decoders.reduce<string[]>((parts, decoder) => decoder.decode(parts), [...tokens]);
  }

  toJSON() {
    return { type: 'Sequence', decoders: this.decoders.map((decoder) => decoder.toJSON()) };
  }
}

const MAX_DEPTH = 32;

const readers: Readonly<Record<string, (json: JsonValue, depth: number) => Decoder>> = {
  ByteLevel: (json) => ByteLevelDecoder.read(json),
  WordPiece: (json) => WordPieceDecoder.read(json),
  Metaspace: (json) => MetaspaceDecoder.read(json),
  BPEDecoder: (json) => BPEDecoder.read(json),
  ByteFallback: () => new ByteFallback(),
  Fuse: () => new Fuse(),
  Strip: (json) => Strip.read(json),
  Replace: (json) => Replace.read(json),
  CTC: (json) => CTC.read(json),
  Sequence: (json, depth) => {
    if (depth === MAX_DEPTH) throw json.error('sequences nested too deep; write them as one');
    return new DecoderSequence(
      json
        .get('decoders')
        .items()
        .map((item) => readPart(item, depth + 1)),
    );
  },
};

/** The decoder that a file describes. */
export const readDecoder = (json: JsonValue): Decoder => readPart(json, 0);

function readPart(json: JsonValue, depth: number): Decoder {
  const type = json.get('type');
  const name = type.string();
  if (!Object.hasOwn(readers, name)) {
    throw type.error(
      `unknown decoder ${JSON.stringify(name.slice(0, 40))}; known are ${Object.keys(readers).join(', ')}`,
    );
  }
  return readers[name](json, depth);
}
