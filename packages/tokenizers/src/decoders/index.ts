export { ByteFallback, ByteLevelDecoder } from './bytes';
export { Fuse, Replace, Strip } from './texts';
export { BPEDecoder, CTC, MetaspaceDecoder, WordPieceDecoder } from './words';
export { DecoderSequence } from './sequence';
