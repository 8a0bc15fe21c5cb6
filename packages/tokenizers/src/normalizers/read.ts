import { TokenizerError } from '../error';
import { asBoolean, type JsonValue } from '../json';
import { readPart } from '../kit';
import type { Normalizer } from '../parts';
import { bertNormalizer } from './bert-normalizer';
import { precompiled } from './precompiled';
import { prepend } from './prepend';
import { sequence } from './sequence';
import { strip } from './strip';

/** The normalizer that an object in `tokenizer.json` describes. */
export const readNormalizer = (json: JsonValue): Normalizer => readPart(json, json.kit.normalizers);

export const readBertNormalizer = (json: JsonValue): Normalizer =>
  bertNormalizer({
    cleanText: json.get('clean_text').boolean(),
    handleChineseChars: json.get('handle_chinese_chars').boolean(),
    stripAccents: json.get('strip_accents').or(asBoolean, null),
    lowercase: json.get('lowercase').boolean(),
  });

export const readPrepend = (json: JsonValue): Normalizer => prepend(json.get('prepend').string());

export const readNormalizerSequence = (json: JsonValue): Normalizer =>
  sequence(json.get('normalizers').items().map(readNormalizer));

export const readStrip = (json: JsonValue): Normalizer =>
  strip({ left: json.get('strip_left').boolean(), right: json.get('strip_right').boolean() });

export function readPrecompiled(part: JsonValue): Normalizer {
  const json = part.get('precompiled_charsmap');
  const base64 = json.string();
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    throw json.error('expected bytes in base64');
  }
  try {
    return precompiled(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
  } catch (error) {
    throw error instanceof TokenizerError ? json.error(error.message.replace(/^Precompiled: /, '')) : error;
  }
}
