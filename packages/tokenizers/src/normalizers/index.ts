import { describe, type JsonValue } from '../json';
import type { Normalizer } from '../parts';
import { TokenizerError } from '../error';
import { bertNormalizer } from './bert-normalizer';
import { byteLevel } from './byte-level';
import { lowercase } from './lowercase';
import { nmt } from './nmt';
import { precompiled } from './precompiled';
import { prepend } from './prepend';
import { readReplace } from './replace';
import { sequence } from './sequence';
import { strip, stripAccents } from './strip';
import { nfc, nfd, nfkc, nfkd } from './unicode-forms';

export { bertNormalizer, type BertNormalizerOptions } from './bert-normalizer';
export { byteLevel } from './byte-level';
export { lowercase } from './lowercase';
export { nmt } from './nmt';
export { precompiled } from './precompiled';
export { prepend } from './prepend';
export { replace, type ReplacePattern } from './replace';
export { sequence } from './sequence';
export { strip, stripAccents, type StripOptions } from './strip';
export { nfc, nfd, nfkc, nfkd } from './unicode-forms';

/** The normalizer that an object in `tokenizer.json` describes. */
export function readNormalizer(json: JsonValue): Normalizer {
  const type = json.get('type').string();
  if (!Object.hasOwn(readers, type)) {
    throw json.error(`type ${describe(type)} is not known; known are ${Object.keys(readers).join(', ')}`);
  }
  return readers[type](json);
}

const readers: Record<string, (json: JsonValue) => Normalizer> = {
  BertNormalizer: (json) =>
    bertNormalizer({
      cleanText: json.get('clean_text').boolean(),
      handleChineseChars: json.get('handle_chinese_chars').boolean(),
      stripAccents: json.get('strip_accents').or((value) => value.boolean(), null),
      lowercase: json.get('lowercase').boolean(),
    }),
  ByteLevel: byteLevel,
  Lowercase: lowercase,
  NFC: nfc,
  NFD: nfd,
  NFKC: nfkc,
  NFKD: nfkd,
  Nmt: nmt,
  Precompiled: (json) => readPrecompiled(json.get('precompiled_charsmap')),
  Prepend: (json) => prepend(json.get('prepend').string()),
  Replace: readReplace,
  Sequence: (json) => sequence(json.get('normalizers').items().map(readNormalizer)),
  Strip: (json) => strip({ left: json.get('strip_left').boolean(), right: json.get('strip_right').boolean() }),
  StripAccents: stripAccents,
};

function readPrecompiled(json: JsonValue): Normalizer {
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
