import type { Encoding, PaddingOptions, TruncationOptions } from './encoding';
import { TokenizerError } from './error';

const MAX_LENGTH = 2 ** 31 - 1;
const MAX_PADDED = 2 ** 26;

/** @throws TokenizerError if an option is out of range. */
export function checkTruncation(options: TruncationOptions | null): TruncationOptions | null {
  if (options === null) return null;
  const { maxLength, stride = 0, strategy = 'longestFirst', direction = 'right' } = options;
  whole('truncation: maxLength', maxLength, 0);
  whole('truncation: stride', stride, 0);
  oneOf('truncation: strategy', strategy, ['longestFirst', 'onlyFirst', 'onlySecond']);
  oneOf('truncation: direction', direction, ['left', 'right']);
  return options;
}

/** @throws TokenizerError if an option is out of range. */
export function checkPadding(options: PaddingOptions | null): PaddingOptions | null {
  if (options === null) return null;
  const { length = 'longest', multipleOf = 1, direction = 'right', id, typeId = 0, token } = options;
  if (length !== 'longest') whole('padding: length', length, 0);
  whole('padding: multipleOf', multipleOf, 1);
  oneOf('padding: direction', direction, ['left', 'right']);
  whole('padding: id', id, 0);
  whole('padding: typeId', typeId, 0);
  if (typeof token !== 'string') throw invalid(`padding: token is ${typeof token}, expected a string`);
  return options;
}

/** Tokens that each encoding of a batch is padded to. */
export function paddedLength(
  encodings: readonly Encoding[],
  { length = 'longest', multipleOf = 1 }: PaddingOptions,
): number {
  const longest =
    length === 'longest' ? encodings.reduce((max, encoding) => Math.max(max, encoding.length), 0) : length;
  const padded = Math.ceil(longest / multipleOf) * multipleOf;
  if (padded > MAX_PADDED) throw invalid(`padding: to ${padded} tokens, more than ${MAX_PADDED}`);
  return padded;
}

/**
 * One text, or a pair, cut so that they fit with `added` more tokens.
 *
 * @throws TokenizerError if that cannot be: no room for the added tokens, a stride as long as a part, a text that is
 * not to be cut and is too long.
 */
export function truncate(encodings: readonly Encoding[], options: TruncationOptions, added: number): Encoding[] {
  const { maxLength, stride = 0, strategy = 'longestFirst', direction = 'right' } = options;
  const room = maxLength - added;
  if (room < 0) {
    throw invalid(`truncation: maxLength is ${maxLength}, but ${added} special tokens are added`);
  }
  const lengths = encodings.map((encoding) => encoding.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= room) return [...encodings];
  let targets: number[];
  if (room === 0) {
    targets = lengths.map(() => 0);
  } else if (strategy === 'longestFirst') {
    targets = encodings.length === 1 ? [room] : fitPair(lengths[0], lengths[1], room);
  } else {
    const index = strategy === 'onlyFirst' ? 0 : 1;
    if (index >= lengths.length) throw invalid("truncation: strategy is 'onlySecond', but there is no second text");
    const target = lengths[index] - (total - room);
    if (target <= 0) {
      throw invalid(
        `truncation: of the ${lengths[index]} tokens of text ${index + 1}, ${total - room} must go; make maxLength larger`,
      );
    }
    targets = lengths.map((length, i) => (i === index ? target : length));
  }
  return encodings.map((encoding, i) => {
    const target = targets[i];
    if (target < lengths[i] && target > 0 && stride >= target) {
      throw invalid(`truncation: stride is ${stride}, but a part has ${target} tokens`);
    }
    return encoding.truncate(target, stride, direction);
  });
}

/** Lengths of a pair that together fit: the longer is cut first, then both are cut to halves. */
function fitPair(first: number, second: number, room: number): number[] {
  let short = Math.min(first, second);
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  return first > second ? [long, short] : [short, long];
}

function whole(name: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min || value > MAX_LENGTH) {
    throw invalid(`${name} is ${value}, expected a whole number from ${min} to ${MAX_LENGTH}`);
  }
}

function oneOf(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) throw invalid(`${name} is "${value}", expected ${words.join(' or ')}`);
}

const invalid = (problem: string): TokenizerError => new TokenizerError('invalid-option', problem);
