/** A regular expression as a tree; sets of characters are classes in JavaScript's `v` syntax. */
export type RegexNode =
  | { readonly type: 'set'; readonly set: string }
  | { readonly type: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly type: 'alternation'; readonly branches: readonly RegexNode[] }
  | {
      readonly type: 'repeat';
      readonly body: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  /** Once matched, never tried another way. */
  | { readonly type: 'atomic'; readonly body: RegexNode }
  | { readonly type: 'look'; readonly behind: boolean; readonly negative: boolean; readonly body: RegexNode }
  /** A place between characters, in JavaScript's syntax. */
  | { readonly type: 'place'; readonly source: string };

/** Something in a pattern that cannot be taken over; `at` counts in UTF-16 units of the pattern. */
export class PatternError extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message);
  }
}

export const sequence = (items: readonly RegexNode[]): RegexNode =>
  items.length === 1 ? items[0] : { type: 'sequence', items };

/** `body{min,max}` with nested greedy quantifiers of one character made one where they mean the same. */
export function repeat(body: RegexNode, min: number, max: number, lazy: boolean): RegexNode {
  if (min === 1 && max === 1) return body;
  const plain = body.type === 'repeat' && body.body.type === 'set' && !body.lazy && !lazy && body.min <= 1;
  if (plain && max === Infinity) return { ...body, min: min * body.min, max: Infinity };
  if (plain && max === 1) return { ...body, min: 0 };
  return { type: 'repeat', body, min, max, lazy };
}

/** The pattern in JavaScript's syntax, for the flag `v`. */
export function toSource(root: RegexNode): string {
  let groups = 0;
  // A lookahead is never entered again, so what a group in it caught, taken by reference, is atomic.
  const atomic = (body: RegexNode): string => {
    const group = ++groups;
    return `(?:(?=(${write(body)}))\\${group})`;
  };
  const write = (node: RegexNode): string => {
    switch (node.type) {
      case 'set':
        return node.set;
      case 'place':
        return node.source;
      case 'sequence':
        return node.items.map((item) => (item.type === 'alternation' ? `(?:${write(item)})` : write(item))).join('');
      case 'alternation':
        return node.branches.map(write).join('|');
      case 'atomic':
        return atomic(node.body);
      case 'look':
        return `(?${node.behind ? '<' : ''}${node.negative ? '!' : '='}${write(node.body)})`;
      case 'repeat': {
        const { min, max } = node;
        const body = node.body.type === 'set' ? write(node.body) : `(?:${write(node.body)})`;
        let count = `{${min},${max === Infinity ? '' : max}}`;
        if (min === 0 && max === 1) count = '?';
        else if (min <= 1 && max === Infinity) count = min === 0 ? '*' : '+';
        else if (min === max) count = `{${min}}`;
        return `${body}${count}${node.lazy ? '?' : ''}`;
      }
    }
  };
  return write(root);
}
