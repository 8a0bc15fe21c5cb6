import fc from 'fast-check';

import { botchan, code, tatoeba, universalDependencies } from './data';

/** The same sentence, or one like it, in many scripts. */
const SCRIPTS: readonly string[] = [
  'All human beings are born free and equal in dignity and rights.',
  'Alle Menschen sind frei und gleich an Würde und Rechten geboren. Straße, GROẞ, Öl.',
  'Tous les êtres humains naissent libres et égaux en dignité et en droits : l’œuvre, ça.',
  'Toate ființele umane se nasc libere și egale în demnitate și în drepturi.',
  'Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İstanbul, ışık, I, i.',
  'Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.',
  'Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. J̃ é i̇́',
  'Все люди рождаются свободными и равными в своём достоинстве и правах.',
  'Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια. ΣΊΣΥΦΟΣ σίσυφος',
  'יולד כל אדם חופשי ושווה בערכו ובזכויותיו. בְּרֵאשִׁית בָּרָא אֱלֹהִים',
  'يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ﷺ',
  'تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔',
  'सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है। क्षत्रिय १२३',
  'সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।',
  'மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.',
  'మానవులందరు స్వేచ్ఛతోను, సమానత్వముతోను పుట్టిరి. ಕನ್ನಡ മലയാളം',
  'มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ น้ำ ๑๒๓',
  'ມະນຸດທຸກຄົນເກີດມາມີກຽດສັກສີ. មនុស្សទាំងអស់កើតមកមានសេរីភាព',
  'လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများဖြစ်သည်။',
  'མི་རིགས་ཡོངས་ལ་རང་དབང་འདྲ་མཉམ་ཡོད། བོད་སྐད',
  'ყველა ადამიანი იბადება თავისუფალი. ᲧᲕᲔᲚᲐ Ⴀ',
  'Բոլոր մարդիկ ծնվում են ազատ ու հավասար։ և Եւ ﬓ',
  'ሁሉም ሰዎች በነጻነት ይወለዳሉ። ᎣᏏᏲ ꭰꮳ ᏸ ᐃᓄᒃᑎᑐᑦ',
  '人人生而自由，在尊严和权利上一律平等。「引」〈号〉、…… ㊗️ ㍿ ① ⅳ',
  'すべての人間は、生まれながらにして自由である。ｶﾞｷﾞ ガギ か゛ ㌔ 々 ゝ ー',
  '모든 인간은 태어날 때부터 자유로우며 존엄하다. 가각힣 ㄱㅏ ﾡ',
  '𠮷野家 𩸽 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙 𐐀𐐨 𓀀 🄰🅐 𞤀𞤢 𑀅 𐎠',
  'naïve café — “quotes” ‘single’ … – 3½ km² H₂O x³ ™ № ℵ Å Å Å ﬁ ﬂ ﬀ ſ ẛ̣ ẞ',
  'price: $1,234.56 €7 £8 ¥9 ₹10; 12:34:56 2024-01-31 +49 (0)30 1e-5 0x1F https://example.org/a?b=c#d user@example.org',
  "I'm you're he'd we'll they've don't isn't it's O'Brien 'tis rock 'n' roll I'M YOU'RE 'S",
  'tabs\tand  spaces   and\u00a0no-break\u2003em\u3000wide\u200bzero\u2009thin \n\n new\r\nlines\r \u2028 \u2029 \u0085 \u000b\u000c',
  'if (a[i] !== b) { return `x${y}`; } // TODO: <b>&amp;</b> 0b1010 #fff @media {} \\n $HOME ~/.x',
];

const EMOJI: readonly string[] = [
  '🙂',
  '😀😃',
  '👍🏽',
  '👨‍👩‍👧‍👦',
  '👩🏿‍🚀',
  '🏳️‍🌈',
  '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  '🇩🇪🇨🇳',
  '🇩',
  '❤️',
  '❤',
  '☺︎',
  '1️⃣',
  '#⃣',
  '🧑‍🤝‍🧑',
  '⌨️',
  '©️',
  '\u200d',
  '\ufe0f',
  '🏻',
];

/** What normalizers and splitters stumble over. */
const TROUBLE: readonly string[] = [
  'e\u0301',
  'é',
  'a\u0323\u0307',
  'a\u0307\u0323',
  'q\u0307\u0323',
  '\u0344',
  '\u1e9b\u0323',
  '\u0f73',
  '\u0f71\u0f72',
  '\u0fb2\u0f81',
  '\u2126',
  '\u212b',
  '\u1100\u1161\u11a8',
  '\u1100\u1161',
  '\u1100',
  '\u11a8',
  '가\u11a8',
  '각',
  '\ua960',
  '\ud7b0',
  '\u115f',
  '\u3164',
  'ﬁ',
  'ﬃ',
  'ﬅ',
  'ﷺ',
  'ﷲ',
  'ﻻ',
  'ﭐ',
  'ﹷ',
  'ﺎ',
  'ｱﾞ',
  'Ａ１',
  '㈱',
  '㌖',
  '①',
  '½',
  '²',
  '…',
  '‥',
  '゛',
  '´',
  '¨',
  '˙',
  'İ',
  'i̇',
  'ı',
  'ß',
  'ẞ',
  'Σ',
  'ΑΣ',
  'ΑΣ.',
  'ΑΣΑ',
  'ǅ',
  'ŉ',
  'ᾳ',
  'ᾼ',
  'Ⴀ',
  'Ა',
  'Ꭰ',
  'ꭰ',
  '\u0345',
  '\u1fbe',
  'K',
  'Å',
  '\u0300',
  '\u0315',
  '\u031b',
  '\u0334',
  '\u0591',
  '\u05b0',
  '\u064b',
  '\u0670',
  '\u094d',
  '\u0e38',
  '\u20d0',
  '\u302a',
  '\u3099',
  '\ufe20',
  '\u{1d165}',
  '\u{1e000}',
  '\u00ad',
  '\u034f',
  '\u061c',
  '\u180e',
  '\u200b',
  '\u200c',
  '\u200d',
  '\u200e',
  '\u202e',
  '\u2060',
  '\ufeff',
  '\ufff9',
  '\ufffc',
  '\ufffd',
  '\uffff',
  '\u{e0001}',
  '\u{10ffff}',
  '\u0000',
  '\u0001',
  '\u0008',
  '\u000b',
  '\u001c',
  '\u001f',
  '\u007f',
  '\u0080',
  '\u0085',
  '\u009f',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '\u00a0',
  '\u1680',
  '\u2000',
  '\u2009',
  '\u2028',
  '\u2029',
  '\u202f',
  '\u205f',
  '\u3000',
  '▁',
  '▁▁',
  '_',
  'Ġ',
  'Ċ',
  '##',
  '</w>',
  '<0x41>',
  '-',
  '–',
  '—',
  '―',
  '‐',
  '~',
  '～',
  '〜',
  '·',
  '•',
  "'",
  '’',
  '`',
  '``',
  '"',
  '“',
  '$',
  '+',
  '<',
  '=',
  '>',
  '^',
  '|',
  '¡',
  '¿',
  '、',
  '。',
  '，',
  '！',
  '·',
  '᠆',
  '۔',
  '։',
  '豈',
  '\u{2f800}',
  '㐀',
  '\u{20000}',
  '\u{2ceb0}',
  '々',
  '〇',
  'ー',
  'あ',
  'ア',
  '한',
  '\u{1b000}',
  '\u3400',
  '٣',
  '१',
  '𝟘',
  '௧௨',
  'Ⅳ',
  'ⅳ',
  '㊿',
  '\u0bf0',
  '0',
  '12',
  '345',
  '1234567890',
];

const character = fc.constantFrom(...TROUBLE, ...EMOJI);
const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
const joined = (parts: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(parts, { maxLength, size: 'max' }).map((all) => all.join(''));

/** Texts that nobody writes. Any sequence of UTF-16 units can come, lone surrogates included. */
const strange: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: joined(character, 12) },
  { weight: 3, arbitrary: joined(fc.oneof(character, fc.constantFrom('a', 'b', 'e', 'the', ' ', 'X')), 20) },
  { weight: 3, arbitrary: joined(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), 15) },
  { weight: 2, arbitrary: joined(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }), 20) },
  { weight: 2, arbitrary: joined(unit, 12) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 30, size: 'max' }) },
  { weight: 2, arbitrary: joined(fc.constantFrom('\ud800', '\udc00', '\udfff', 'a', '🙂', ' ', '\u0301'), 6) },
  {
    weight: 1,
    arbitrary: joined(
      fc.integer({ min: 0, max: 0x2fff }).map((code) => String.fromCodePoint(code)),
      20,
    ),
  },
);

const longWord: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(joined(fc.constantFrom('a', 'b', 'th', 'e', 'ing', 'é'), 6), fc.integer({ min: 1, max: 300 }))
    .map(([word, n]) => word.repeat(n)),
  joined(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }), 600).map((text) =>
    text.replaceAll(/\s/g, ''),
  ),
);

/** `n` strange texts, always the same. */
export function strangeTexts(n: number, seed = 20_240_501): string[] {
  return [...fc.sample(strange, { numRuns: n, seed }), ...fc.sample(longWord, { numRuns: Math.ceil(n / 60), seed })];
}

/** What stands beside tokens: all of these after, before and between the first ones. */
const BESIDE = ['🙂', ' 🙂', '🙂 ', '  ', '\n', 'a', '_', '\u0301', '好', '', '\u{e0001}'];

/** The first tokens beside what is strange, and `n` mixtures of all with letters, spaces and that. */
export function mixtures(tokens: readonly string[], n: number, seed = 7): string[] {
  const beside = tokens
    .slice(0, 4)
    .flatMap((token) => BESIDE.flatMap((text) => [text + token, token + text, token + text + token]));
  const token = fc.constantFrom(...tokens);
  const mixed = fc.oneof(
    { weight: 5, arbitrary: token },
    { weight: 2, arbitrary: fc.constantFrom(' ', '  ', 'a', 'b', 'the', '.', '\n', '1') },
    { weight: 1, arbitrary: character },
  );
  return [...beside, ...fc.sample(fc.oneof(joined(token, 8), joined(mixed, 12)), { numRuns: n, seed })];
}

/** `n` texts that somebody wrote, spread over all there are. */
export function realTexts(n: number, offset = 0): string[] {
  const texts: string[] = [...SCRIPTS, ...EMOJI];
  const sources = [
    tatoeba().map(([english]) => english),
    tatoeba().map(([, chinese]) => chinese),
    botchan(),
    code(),
    universalDependencies() ?? [],
  ].filter((lines) => lines.length > 0);
  const each = Math.ceil(Math.max(0, n - texts.length) / sources.length);
  for (const lines of sources) {
    for (let i = 0; i < each; i++) texts.push(lines[(offset + Math.floor((i * lines.length) / each)) % lines.length]);
  }
  return texts.slice(0, n);
}

/** Every code point that some version of Unicode may have assigned, a few at a time, with letters between. */
export function everyCodePoint(perText = 64): string[] {
  const texts: string[] = [];
  let text = '';
  let count = 0;
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const written = String.fromCodePoint(code);
    if (/\p{Cn}|\p{Co}/u.test(written)) continue;
    text += count % 4 === 3 ? `${written} a` : written;
    if (++count % perText === 0) {
      texts.push(text);
      text = '';
    }
  }
  texts.push(text);
  return texts;
}
