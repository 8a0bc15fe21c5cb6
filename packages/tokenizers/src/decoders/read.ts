import type { JsonValue } from '../json';
import { readPart, type Readers } from '../kit';
import type { Decoder } from '../parts';
import { ByteFallback, ByteLevelDecoder } from './bytes';
import { DecoderSequence } from './sequence';
import { Fuse, Replace, Strip } from './texts';
import { BPEDecoder, CTC, MetaspaceDecoder, WordPieceDecoder } from './words';

const readers: Readers<Decoder> = {
  BPEDecoder: BPEDecoder.read,
  ByteFallback: () => new ByteFallback(),
  ByteLevel: ByteLevelDecoder.read,
  CTC: CTC.read,
  Fuse: () => new Fuse(),
  Metaspace: MetaspaceDecoder.read,
  Replace: Replace.read,
  Sequence: (json) => new DecoderSequence(json.get('decoders').items().map(readDecoder)),
  Strip: Strip.read,
  WordPiece: WordPieceDecoder.read,
};

/** The decoder that a file describes. */
export function readDecoder(json: JsonValue): Decoder {
  return readPart(json, readers);
}
