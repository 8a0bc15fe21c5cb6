/** A text, or a pair. */
export type Input = string | readonly [text: string, pair: string];

/** All that is known of an encoding, for comparison. Offsets in code points, start and end of each token in turn. */
export interface Columns {
  readonly ids: ArrayLike<number>;
  readonly tokens: ArrayLike<string>;
  readonly offsets: ArrayLike<number>;
  readonly wordIds: ArrayLike<number>;
  /** null: not known. */
  readonly typeIds: ArrayLike<number> | null;
  readonly specialTokensMask: ArrayLike<number>;
  readonly attentionMask: ArrayLike<number>;
  readonly sequenceIds: ArrayLike<number>;
  readonly overflowing: readonly Columns[];
}

const NAMES = [
  'ids',
  'tokens',
  'offsets',
  'wordIds',
  'typeIds',
  'specialTokensMask',
  'attentionMask',
  'sequenceIds',
] as const;

export type ColumnName = (typeof NAMES)[number];

export interface Difference {
  /** `ids`, or `overflowing.ids`. */
  readonly column: ColumnName | 'overflowing' | `overflowing.${ColumnName}`;
  readonly ours: string;
  readonly theirs: string;
}

const equal = (a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

const shown = (values: ArrayLike<unknown>): string => JSON.stringify(Array.from(values).slice(0, 60));

/** The columns that differ. */
export function differences(ours: Columns, theirs: Columns): Difference[] {
  const found: Difference[] = [];
  const compare = (a: Columns, b: Columns, prefix: '' | 'overflowing.'): void => {
    for (const name of NAMES) {
      const [one, other] = [a[name], b[name]];
      if (one !== null && other !== null && !equal(one, other)) {
        found.push({ column: `${prefix}${name}`, ours: shown(one), theirs: shown(other) });
      }
    }
  };
  compare(ours, theirs, '');
  const [parts, others] = [ours.overflowing, theirs.overflowing];
  if (parts.length !== others.length) {
    found.push({ column: 'overflowing', ours: `${parts.length} parts`, theirs: `${others.length} parts` });
  }
  for (let i = 0; i < Math.min(parts.length, others.length); i++) compare(parts[i], others[i], 'overflowing.');
  return found;
}
