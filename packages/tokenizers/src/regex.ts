import type { JsonValue } from './json';
import { backtrackingProblem } from './regex/backtracking';
import { PatternError, toSource, type RegexNode } from './regex/node';
import { readLiteral } from './regex/literal';
import { parseRegex } from './regex/parse';

const FLAGS = 'gv';
const MAX_SIZE = 20_000;

/**
 * The pattern `{"String": …}` or `{"Regex": …}` of a file as a regular expression with the flags g and v.
 *
 * A `Regex` is read as the Rust library reads it: Oniguruma's Ruby syntax, where `^` and `$` are at each line and
 * `\s`, `\w`, `\d` are of Unicode. It catches no groups.
 *
 * @throws TokenizerError where the pattern cannot be taken over, or could take too long to match.
 */
export function compilePattern(json: JsonValue): RegExp {
  const pattern = json.object();
  if (Object.hasOwn(pattern, 'String')) return new RegExp(escapeLiteral(readLiteral(json)), FLAGS);
  if (!Object.hasOwn(pattern, 'Regex')) throw json.error('expected {"String": …} or {"Regex": …}');
  const regex = json.get('Regex');
  const text = regex.string();
  try {
    const tree = parseRegex(text);
    const problem = backtrackingProblem(tree);
    if (problem !== null) throw new PatternError(0, problem);
    if (size(tree) > MAX_SIZE) throw new PatternError(0, 'the pattern is too large; repeat less often');
    return new RegExp(toSource(tree), FLAGS);
  } catch (error) {
    if (error instanceof PatternError) throw regex.error(`at ${error.at}: ${error.message}`);
    if (error instanceof SyntaxError)
      throw regex.error('not a regular expression that JavaScript can match; simplify it');
    throw error;
  }
}

/** A literal text as the source of a regular expression. */
const escapeLiteral = (text: string): string =>
  text === ''
    ? '(?:)'
    : Array.from(text, (character) => String.raw`\u{${character.codePointAt(0)!.toString(16)}}`).join('');

/** Elements of the pattern with counted repetitions written out, as engines do it. */
function size(node: RegexNode): number {
  switch (node.type) {
    case 'set':
    case 'place':
      return 1;
    case 'sequence':
      return node.items.reduce((sum, item) => sum + size(item), 1);
    case 'alternation':
      return node.branches.reduce((sum, branch) => sum + size(branch), 1);
    case 'atomic':
    case 'look':
      return 1 + size(node.body);
    case 'repeat':
      return size(node.body) * Math.max(node.min, node.max === Infinity ? 1 : node.max, 1);
  }
}
