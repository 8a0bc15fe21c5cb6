import type { JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import { ByteLevel } from './byte-level';
import { Metaspace } from './metaspace';
import { PreTokenizerSequence } from './sequence';
import { Split } from './split';
import { UnicodeScripts } from './unicode-scripts';
import {
  BertPreTokenizer,
  CharDelimiterSplit,
  Digits,
  FixedLength,
  Punctuation,
  Whitespace,
  WhitespaceSplit,
} from './words';

export { ByteLevel, materializeBytes, readByteLevel, type ByteLevelOptions } from './byte-level';
export { Metaspace, readMetaspace, type MetaspaceOptions, type PrependScheme } from './metaspace';
export { PreTokenizerSequence } from './sequence';
export { Split } from './split';
export type { Pattern } from '../regex/pattern-finder';
export { UnicodeScripts } from './unicode-scripts';
export {
  BertPreTokenizer,
  CharDelimiterSplit,
  Digits,
  FixedLength,
  Punctuation,
  Whitespace,
  WhitespaceSplit,
} from './words';
export type { DelimiterBehavior } from './delimiters';

const MAX_DEPTH = 32;

const readers: Readonly<Record<string, (json: JsonValue, depth: number) => PreTokenizer>> = {
  ByteLevel: (json) => ByteLevel.read(json),
  Whitespace: () => new Whitespace(),
  WhitespaceSplit: () => new WhitespaceSplit(),
  BertPreTokenizer: () => new BertPreTokenizer(),
  Metaspace: (json) => Metaspace.read(json),
  CharDelimiterSplit: (json) => CharDelimiterSplit.read(json),
  Punctuation: (json) => Punctuation.read(json),
  Digits: (json) => Digits.read(json),
  Split: (json) => Split.read(json),
  UnicodeScripts: () => new UnicodeScripts(),
  FixedLength: (json) => FixedLength.read(json),
  Sequence: (json, depth) => {
    if (depth === MAX_DEPTH) throw json.error('sequences nested too deep; write them as one');
    return new PreTokenizerSequence(
      json
        .get('pretokenizers')
        .items()
        .map((item) => readPart(item, depth + 1)),
    );
  },
};

/** The pre-tokenizer that a file describes. */
export const readPreTokenizer = (json: JsonValue): PreTokenizer => readPart(json, 0);

function readPart(json: JsonValue, depth: number): PreTokenizer {
  const type = json.get('type');
  const name = type.string();
  if (!Object.hasOwn(readers, name)) {
    throw type.error(
      `unknown pre-tokenizer ${JSON.stringify(name.slice(0, 40))}; known are ${Object.keys(readers).join(', ')}`,
    );
  }
  return readers[name](json, depth);
}
