import type { JsonValue } from '../json';
import { readPart } from '../kit';
import type { Decoder } from '../parts';
import { DecoderSequence } from './sequence';

/** The decoder that a file describes. */
export const readDecoder = (json: JsonValue): Decoder => readPart(json, json.kit.decoders);

export const readDecoderSequence = (json: JsonValue): Decoder =>
  new DecoderSequence(json.get('decoders').items().map(readDecoder));
