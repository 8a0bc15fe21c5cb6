import type { RegexNode } from './node';
import { ANY, intersects, NOTHING, union } from './sets';

/**
 * A bound on what one failing attempt to match can cost, so that no pattern from a file takes exponential time. Attempts
 * begin at each place of a text: a pattern such as `\s+$` can still take time in the square of a long run's length.
 *
 * An attempt fails slowly where the same text can be matched in several ways, which are all tried. There are several
 * where a repetition could go on with a character with which what follows could begin as well, and where several
 * branches can begin with the same one. The cost of a sequence is that of its rest times the ways of its first part,
 * or plus them if one character decides. A repetition of more than SHORT characters counts as LONG ways.
 *
 * Refused is
 * - what costs more than a few thousand steps, or that many for each character of the text: two long repetitions of
 *   which the second must be tried anew from each place where the first could have ended (`.*a.*b`), or many small
 *   choices in a row (`(a|a)(a|a)…`);
 * - a repetition of more than one character in which one character does not decide: `(a+)+`, `(a|a)*`, `(a?)*`,
 *   `(a|ab)*`.
 *
 * So an attempt takes time in proportion to the text, as with `\s*[\r\n]+|\s+(?!\S)`. What comes last in a pattern
 * costs nothing: once it is reached, the attempt has succeeded.
 */
const LONG = 2 ** 40;
const SHORT = 256;
const MAX_STEPS = 2 ** 14;

/** What comes after a part of a pattern. */
interface Rest {
  /** Characters with which it can begin. */
  readonly first: string;
  readonly canFail: boolean;
  /** Steps of an attempt to match it that fails. */
  readonly cost: number;
}

const END: Rest = { first: NOTHING, canFail: false, cost: 0 };
/** Something unknown that fails at once. */
const FAILURE: Rest = { first: ANY, canFail: true, cost: 1 };

/** Why matching a pattern could take too long, in words; null if it cannot. */
export function backtrackingProblem(root: RegexNode): string | null {
  try {
    before(root, END, false);
    return null;
  } catch (error) {
    if (error instanceof AmbiguityError) return error.message;
    throw error;
  }
}

class AmbiguityError extends Error {}

const tooManyWays =
  'the same text can be matched in too many ways, which can take forever; use one repetition where two meet, or possessive ones such as a++';
const ambiguousLoop =
  'a repeated group can match the same text in more than one way, which can take forever; remove a quantifier inside or outside of it';

/** Checked wherever costs multiply, so that none grows from below LONG to above it unseen. */
function checked(rest: Rest): Rest {
  if ((rest.cost < LONG ? rest.cost : rest.cost / LONG) > MAX_STEPS) throw new AmbiguityError(tooManyWays);
  return rest;
}

/** `node` and then `rest`; if `strict`, in a loop, where one character must decide. */
function before(node: RegexNode, rest: Rest, strict: boolean): Rest {
  switch (node.type) {
    case 'set':
      return { first: node.set, canFail: true, cost: 1 + rest.cost };
    case 'place':
      return { first: ANY, canFail: true, cost: 2 + rest.cost };
    case 'sequence':
      return node.items.reduceRight((after, item) => before(item, after, strict), rest);
    case 'alternation':
      return choice(
        node.branches.map((branch) => before(branch, rest, strict)),
        strict && !fixedAndDistinct(node.branches),
      );
    case 'look': {
      const inside = before(node.body, FAILURE, strict);
      if (strict && inside.cost >= LONG) throw new AmbiguityError(ambiguousLoop);
      return { first: ANY, canFail: true, cost: inside.cost + rest.cost };
    }
    case 'atomic': {
      const inside = before(node.body, END, false);
      if (strict && inside.cost >= LONG) throw new AmbiguityError(ambiguousLoop);
      const begin = inside.canFail ? inside.first : union([inside.first, rest.first]);
      return {
        first: isNullable(node.body) ? union([begin, rest.first, ANY]) : begin,
        canFail: inside.canFail || rest.canFail,
        cost: inside.cost + length(node.body) + rest.cost,
      };
    }
    case 'repeat':
      return beforeRepeat(node, rest, strict);
  }
}

function beforeRepeat(node: RegexNode & { type: 'repeat' }, rest: Rest, strict: boolean): Rest {
  const { body, min, max } = node;
  if (max === 0) return rest;
  if (max === 1) {
    const taken = before(body, rest, strict);
    return choice([taken, rest], strict && rest.canFail);
  }
  const single = body.type === 'set';
  const begin = single ? body.set : beginOfLoop(body, rest);
  const first = min > 0 ? begin : union([begin, rest.first]);
  const canFail = min > 0 || rest.canFail;
  const ways = max - min > SHORT ? LONG : (max - min + 1) * (single ? 1 : length(body));
  const shortest = min * (single ? 1 : length(body));
  if (!rest.canFail) return { first, canFail, cost: shortest + 1 };
  if (min === max || !intersects(begin, rest.first)) return { first, canFail, cost: shortest + ways + rest.cost };
  if (strict) throw new AmbiguityError(ambiguousLoop);
  return checked({ first, canFail, cost: shortest + ways * (1 + rest.cost) });
}

/** With what a repeated group can begin; one character must decide each step in it. */
function beginOfLoop(body: RegexNode, rest: Rest): string {
  if (isNullable(body)) throw new AmbiguityError(ambiguousLoop);
  // A first look finds with what the next round begins, a second one what can follow within the loop.
  const { first } = before(body, END, false);
  before(body, { first: union([first, rest.first]), canFail: true, cost: 1 }, true);
  return first;
}

function choice(branches: readonly Rest[], strict: boolean): Rest {
  let cost = 0;
  let distinct = true;
  for (const [i, branch] of branches.entries()) {
    if (distinct) distinct = branches.slice(0, i).every(({ first }) => !intersects(first, branch.first));
  }
  if (strict && !distinct) throw new AmbiguityError(ambiguousLoop);
  for (const branch of branches) cost = distinct ? Math.max(cost, branch.cost) : cost + branch.cost;
  return checked({
    first: union(branches.map(({ first }) => first)),
    canFail: branches.every(({ canFail }) => canFail),
    cost: cost + branches.length,
  });
}

/** Whether all branches are rows of characters, of which any two differ at some place in both. */
function fixedAndDistinct(branches: readonly RegexNode[]): boolean {
  const rows = branches.map((branch) => (branch.type === 'sequence' ? branch.items : [branch]));
  if (!rows.every((row) => row.every(({ type }) => type === 'set'))) return false;
  return rows.every((row, i) =>
    rows.slice(0, i).every((other) =>
      row.some((node, k) => {
        const opposite = other[k];
        return node.type === 'set' && opposite?.type === 'set' && !intersects(node.set, opposite.set);
      }),
    ),
  );
}

function isNullable(node: RegexNode): boolean {
  switch (node.type) {
    case 'set':
      return false;
    case 'place':
    case 'look':
      return true;
    case 'sequence':
      return node.items.every(isNullable);
    case 'alternation':
      return node.branches.some(isNullable);
    case 'atomic':
      return isNullable(node.body);
    case 'repeat':
      return node.min === 0 || isNullable(node.body);
  }
}

/** The longest text that a part can match. */
function length(node: RegexNode): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'place':
    case 'look':
      return 0;
    case 'sequence':
      return node.items.reduce((sum, item) => sum + length(item), 0);
    case 'alternation':
      return Math.max(...node.branches.map(length));
    case 'atomic':
      return length(node.body);
    case 'repeat':
      return Math.min(LONG, node.max * length(node.body));
  }
}
