export { ByteFallback, ByteLevelDecoder } from './bytes';
export { replacePattern } from './replace-pattern';
export { Fuse, type Replace, Strip } from './texts';
export { BPEDecoder, CTC, MetaspaceDecoder, WordPieceDecoder } from './words';
export { DecoderSequence } from './sequence';
