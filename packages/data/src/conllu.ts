/** What words, multi-word tokens and empty nodes have in common. `null` and empty collections stand for `_`. */
export interface ConlluToken {
  readonly form: string;
  /** FEATS, in the order of the file: `Number` → `Plur`; several values of one feature stay one text, `Acc,Dat`. */
  readonly feats: ReadonlyMap<string, string>;
  /** MISC, cut at `|`: `['SpaceAfter=No']`. */
  readonly misc: readonly string[];
  /** 1 for the first of the file. */
  readonly line: number;
}

export interface ConlluNode extends ConlluToken {
  readonly lemma: string | null;
  readonly upos: string | null;
  readonly xpos: string | null;
  /** The enhanced graph. */
  readonly deps: readonly ConlluDependency[];
}

/** An edge of the enhanced graph: `5:obj` or `8.1:nsubj:xsubj`. */
export interface ConlluDependency {
  /** The id of a word or of an empty node, or `0`. */
  readonly head: string;
  readonly deprel: string;
}

/** A syntactic word; `words[i].id` is `i + 1`. */
export interface ConlluWord extends ConlluNode {
  readonly id: number;
  /** The id of another word, 0 for the root, null where trees are not annotated. */
  readonly head: number | null;
  readonly deprel: string | null;
}

/** A multi-word token, `1-2 Today's`: how the words `first` to `last` are written. */
export interface ConlluRange extends ConlluToken {
  readonly first: number;
  readonly last: number;
}

/** An empty node, `8.1`: a word that is understood but not written. */
export interface ConlluEmptyNode extends ConlluNode {
  /** The word that it follows; 0 before the first. */
  readonly after: number;
  /** 1 for the first after that word. */
  readonly index: number;
}

export interface ConlluSentence {
  /** Comment lines without their `#`, in order: ` text = Hello.`. */
  readonly comments: readonly string[];
  readonly words: readonly ConlluWord[];
  readonly ranges: readonly ConlluRange[];
  readonly emptyNodes: readonly ConlluEmptyNode[];
  /** The first line, comments included; 1 for the first of the file. */
  readonly line: number;
}
