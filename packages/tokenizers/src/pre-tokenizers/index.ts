export type { ByteLevelOptions } from '../byte-level-part';
export { ByteLevel } from './byte-level';
export { Metaspace, type MetaspaceOptions, type PrependScheme } from './metaspace';
export { PreTokenizerSequence } from './sequence';
export type { Split } from './split';
export { splitAtPattern } from './split-at';
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
