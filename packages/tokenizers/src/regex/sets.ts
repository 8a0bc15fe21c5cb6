import { asOfUnicode16, sinceUnicode17 } from './unicode';

/** One character as it stands in a class. */
export const character = (code: number): string => String.raw`\u{${code.toString(16)}}`;

export const range = (from: number, to: number): string =>
  from === to ? character(from) : `${character(from)}-${character(to)}`;

export const union = (sets: readonly string[]): string => (sets.length === 1 ? sets[0] : `[${sets.join('')}]`);
export const not = (set: string): string => `[^${set}]`;
export const both = (a: string, b: string): string => `[${a}&&${b}]`;

export const ANY = String.raw`[\u{0}-\u{10ffff}]`;
export const NOTHING = '[]';

const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`;

/** What Oniguruma's escapes and POSIX brackets mean for text in UTF-8. */
export const classes = {
  space: String.raw`[\p{White_Space}]`,
  digit: asOfUnicode16(String.raw`\p{Nd}`),
  word: asOfUnicode16(WORD),
  // On its own, \w has the superscript digits and fractions of Latin-1 as well.
  wordEscape: asOfUnicode16(String.raw`${WORD}\xb2\xb3\xb9\xbc-\xbe`),
  xdigit: '[0-9A-Fa-f]',
  newline: String.raw`[\n-\r\x85\u2028\u2029]`,
} as const;

const withoutGraph = String.raw`\p{Cc}\p{Cn}\p{Cs}${sinceUnicode17}`;

const posix: Readonly<Record<string, string>> = {
  alnum: asOfUnicode16(String.raw`\p{Alphabetic}\p{Nd}`),
  alpha: asOfUnicode16(String.raw`\p{Alphabetic}`),
  ascii: String.raw`[\0-\x7f]`,
  blank: String.raw`[\p{Zs}\t]`,
  cntrl: String.raw`[\p{Cc}]`,
  digit: classes.digit,
  graph: String.raw`[^\p{White_Space}${withoutGraph}]`,
  lower: asOfUnicode16(String.raw`\p{Lowercase}\u0295`),
  print: String.raw`[^${withoutGraph}\u2028\u2029]`,
  punct: asOfUnicode16(String.raw`\p{P}\p{S}`),
  space: classes.space,
  upper: asOfUnicode16(String.raw`\p{Uppercase}`),
  xdigit: classes.xdigit,
  word: classes.word,
};

export const posixBracket = (name: string): string | undefined =>
  Object.hasOwn(posix, name) ? posix[name] : undefined;

// Names of more than one word, and those that JavaScript does not have as scripts; the others are tried as they are.
const names =
  'Cased_Letter Close_Punctuation Connector_Punctuation Currency_Symbol Dash_Punctuation Decimal_Number ' +
  'Enclosing_Mark Final_Punctuation Initial_Punctuation Letter_Number Line_Separator Lowercase_Letter Math_Symbol ' +
  'Modifier_Letter Modifier_Symbol Nonspacing_Mark Open_Punctuation Other_Letter Other_Number Other_Punctuation ' +
  'Other_Symbol Paragraph_Separator Private_Use Space_Separator Spacing_Mark Titlecase_Letter Uppercase_Letter ' +
  'LC ASCII_Hex_Digit Bidi_Control Case_Ignorable Changes_When_Casefolded Changes_When_Casemapped ' +
  'Changes_When_Lowercased Changes_When_Titlecased Changes_When_Uppercased Default_Ignorable_Code_Point ' +
  'Emoji_Component Emoji_Modifier Emoji_Modifier_Base Emoji_Presentation Extended_Pictographic Grapheme_Base ' +
  'Grapheme_Extend Hex_Digit ID_Continue ID_Start IDS_Binary_Operator IDS_Trinary_Operator Join_Control ' +
  'Logical_Order_Exception Noncharacter_Code_Point Pattern_Syntax Pattern_White_Space Quotation_Mark ' +
  'Regional_Indicator Sentence_Terminal Soft_Dotted Terminal_Punctuation Unified_Ideograph Variation_Selector ' +
  'White_Space XID_Continue XID_Start';
const scripts =
  'Anatolian_Hieroglyphs Bassa_Vah Canadian_Aboriginal Caucasian_Albanian Cypro_Minoan Dives_Akuru ' +
  'Egyptian_Hieroglyphs Gunjala_Gondi Gurung_Khema Hanifi_Rohingya Imperial_Aramaic Inscriptional_Pahlavi ' +
  'Inscriptional_Parthian Kayah_Li Khitan_Small_Script Kirat_Rai Linear_A Linear_B Masaram_Gondi Meetei_Mayek ' +
  'Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Nag_Mundari New_Tai_Lue Nyiakeng_Puachue_Hmong Ol_Chiki ' +
  'Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian ' +
  'Old_Turkic Old_Uyghur Pahawh_Hmong Pau_Cin_Hau Phags_Pa Psalter_Pahlavi SignWriting Sora_Sompeng Sylheti_Nagri ' +
  'Syloti_Nagri Tai_Le Tai_Tham Tai_Viet Tulu_Tigalari Warang_Citi Zanabazar_Square';

const plain = (name: string): string => name.replace(/[\s_-]/g, '').toLowerCase();
const written = new Map([
  ...names.split(' ').map((name): [string, string] => [plain(name), name]),
  ...scripts.split(' ').map((name): [string, string] => [plain(name), `Script=${name}`]),
]);

const known = new Map<string, string | undefined>();

/** The set that `\p{name}` means; undefined if there is none. Case, spaces, hyphens and underscores do not count. */
export function property(name: string): string | undefined {
  const key = plain(name);
  if (!known.has(key)) known.set(key, findProperty(key));
  return known.get(key);
}

function findProperty(key: string): string | undefined {
  if (!/^[a-z\d]+$/.test(key)) return undefined;
  if (key === 'any') return ANY;
  // As properties, two of the brackets mean something else.
  if (key === 'punct') return asOfUnicode16(String.raw`\p{P}`);
  if (key === 'word') return classes.wordEscape;
  if (Object.hasOwn(posix, key)) return posix[key];
  if (key === 'cn' || key === 'unassigned') return String.raw`[\p{Cn}${sinceUnicode17}]`;
  if (key === 'c' || key === 'other') return String.raw`[\p{C}${sinceUnicode17}]`;
  if (key === 'assigned') return String.raw`[^\p{Cn}${sinceUnicode17}]`;
  // In Unicode 16 U+0295 was a lowercase letter.
  if (key === 'll' || key === 'lowercaseletter' || key === 'lowercase') {
    return asOfUnicode16(String.raw`\p{${key === 'lowercase' ? 'Lowercase' : 'Ll'}}\u0295`);
  }
  if (key === 'lo' || key === 'otherletter') return String.raw`[${asOfUnicode16(String.raw`\p{Lo}`)}--[\u0295]]`;
  const capital = key[0].toUpperCase() + key.slice(1);
  for (const name of [written.get(key), capital, `Script=${capital}`]) {
    if (name === undefined) continue;
    try {
      new RegExp(String.raw`[\p{${name}}]`, 'v');
      return asOfUnicode16(String.raw`\p{${name}}`);
    } catch {
      // not a name that JavaScript knows
    }
  }
  return undefined;
}

let allCharacters: string | undefined;

/** Every character that is assigned or private, and some that are not; planes 4 to 13 hold nothing. */
function everyCharacter(): string {
  if (allCharacters === undefined) {
    const chunks: string[] = [];
    const STEP = 0x800;
    for (let from = 0; from < 0x40000; from += STEP) {
      if (from >= 0xd800 && from < 0xe000) continue;
      chunks.push(String.fromCodePoint(...Array.from({ length: STEP }, (_, i) => from + i)));
    }
    const rest = [0x40000, 0x5fffe, 0xdffff, 0xefffe, 0xf0000, 0xfffff, 0x100000, 0x10ffff];
    for (let code = 0xe0000; code < 0xe0200; code++) rest.push(code);
    chunks.push(String.fromCodePoint(...rest));
    allCharacters = chunks.join('');
  }
  return allCharacters;
}

const overlaps = new Map<string, boolean>();

/** Whether a character is in both sets. */
export function intersects(a: string, b: string): boolean {
  if (a === NOTHING || b === NOTHING) return false;
  if (a === b) return true;
  const key = `${a} ${b}`;
  let result = overlaps.get(key);
  if (result === undefined) {
    result = new RegExp(both(a, b), 'v').test(everyCharacter());
    if (overlaps.size > 1000) overlaps.clear();
    overlaps.set(key, result);
  }
  return result;
}

/** The set with all characters that differ from its own in case only, ſ with s and the Kelvin sign with k. */
export function ignoringCase(set: string): string {
  // Characters without case are their own set, whatever the flag.
  const single = /^\\u\{([\da-f]+)\}$/.exec(set);
  if (single !== null) {
    const text = String.fromCodePoint(Number.parseInt(single[1], 16));
    if (/^[\0-@[-`{-\x7f]$/.test(text)) return set;
    if (/^[a-zA-Z]$/.test(text) && !/[skSK]/.test(text)) return `[${text.toLowerCase()}${text.toUpperCase()}]`;
  }
  // Characters that have case are written out first: the flag i alters what a complement within a class means.
  const withCase = find(both(set, CASED), 'gv');
  if (withCase === '') return set;
  return `[${set}${find(`[${withCase}]`, 'giv')}]`;
}

const CASED = String.raw`[\p{Changes_When_Casemapped}\p{Changes_When_Casefolded}]`;

/** The characters that a set matches, as ranges. */
const find = (set: string, flags: string): string =>
  ranges(Array.from(everyCharacter().matchAll(new RegExp(set, flags)), ([text]) => text.codePointAt(0)!));

function ranges(codes: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < codes.length;) {
    let end = i;
    while (end + 1 < codes.length && codes[end + 1] === codes[end] + 1) end++;
    parts.push(range(codes[i], codes[end]));
    i = end + 1;
  }
  return parts.join('');
}
