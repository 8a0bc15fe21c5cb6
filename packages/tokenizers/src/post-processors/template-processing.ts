import { Encoding } from '../encoding';
import { show, TokenizerError } from '../error';
import type { JsonValue } from '../json';
import type { PartJSON, PostProcessor } from '../parts';
import { typed } from './around';

/** A place in a template: one of the two texts, or a special token. */
export type TemplatePiece =
  | { readonly sequence: 'A' | 'B'; readonly typeId: number }
  | { readonly special: string; readonly typeId: number };

/** What stands for a special token of a template: mostly itself. */
export interface TemplateToken {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

export interface TemplateProcessingOptions {
  /** For one text; `template('[CLS] $A [SEP]')` makes such pieces. */
  readonly single: readonly TemplatePiece[];
  /** For a pair. */
  readonly pair: readonly TemplatePiece[];
  /** The special tokens that the templates name: an id, or several tokens. */
  readonly specialTokens?: Readonly<Record<string, number | TemplateToken>>;
}

/** Puts special tokens around one text or a pair as a template says. */
export class TemplateProcessing implements PostProcessor {
  private readonly single: readonly TemplatePiece[];
  private readonly pair: readonly TemplatePiece[];
  private readonly tokens = new Map<string, TemplateToken>();
  /** What stands for each special token of the templates. */
  private readonly added = new Map<TemplatePiece, Encoding>();

  /** @throws TokenizerError if a template names a token that is not given, or the one for pairs lacks a text. */
  constructor({ single, pair, specialTokens = {} }: TemplateProcessingOptions) {
    this.single = single;
    this.pair = pair;
    for (const [name, token] of Object.entries(specialTokens)) {
      this.tokens.set(name, typeof token === 'number' ? { ids: [token], tokens: [name] } : token);
    }
    for (const piece of [...this.single, ...this.pair]) {
      if ('sequence' in piece) continue;
      const token = this.tokens.get(piece.special);
      if (token === undefined)
        throw invalid(`"${show(piece.special)}" is not among the special tokens; add it with its id`);
      this.added.set(piece, Encoding.added(token.ids, token.tokens, piece.typeId));
    }
    if (this.single.some((piece) => 'sequence' in piece && piece.sequence === 'B')) {
      throw invalid('the template for one text names a second, $B; leave it out');
    }
  }

  addedTokens(pair: boolean): number {
    let added = 0;
    for (const piece of pair ? this.pair : this.single) {
      if ('special' in piece) added += this.tokens.get(piece.special)!.ids.length;
    }
    return added;
  }

  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[] {
    const processed: Encoding[] = [];
    for (const piece of encodings.length === 2 ? this.pair : this.single) {
      if ('sequence' in piece) {
        processed.push(typed(encodings[piece.sequence === 'A' ? 0 : 1], piece.typeId));
      } else if (addSpecialTokens) {
        processed.push(this.added.get(piece)!);
      }
    }
    return processed;
  }

  toJSON(): PartJSON {
    const piece = (given: TemplatePiece) =>
      'sequence' in given
        ? { Sequence: { id: given.sequence, type_id: given.typeId } }
        : { SpecialToken: { id: given.special, type_id: given.typeId } };
    const names = [...this.tokens.keys()].sort();
    return {
      type: 'TemplateProcessing',
      single: this.single.map(piece),
      pair: this.pair.map(piece),
      special_tokens: Object.fromEntries(
        names.map((id) => {
          const { ids, tokens } = this.tokens.get(id)!;
          return [id, { id, ids: [...ids], tokens: [...tokens] }];
        }),
      ),
    };
  }
}

const invalid = (problem: string): TokenizerError =>
  new TokenizerError('invalid-option', `TemplateProcessing: ${problem}`);

export function readTemplateProcessing(json: JsonValue): TemplateProcessing {
  const specialTokens: Record<string, TemplateToken> = {};
  for (const name of Object.keys(json.get('special_tokens').object())) {
    const token = json.get('special_tokens').get(name);
    const ids = token
      .get('ids')
      .items()
      .map((id) => id.integer());
    const tokens = token
      .get('tokens')
      .items()
      .map((text) => text.string());
    if (ids.length !== tokens.length) throw token.error(`${ids.length} ids for ${tokens.length} tokens`);
    Object.defineProperty(specialTokens, name, { value: { ids, tokens }, enumerable: true });
  }
  return new TemplateProcessing({
    single: json.get('single').items().map(readPiece),
    pair: json.get('pair').items().map(readPiece),
    specialTokens,
  });
}

function readPiece(json: JsonValue): TemplatePiece {
  const sequence = json.get('Sequence');
  if (!sequence.isNull) {
    return { sequence: sequence.get('id').oneOf(['A', 'B']), typeId: sequence.get('type_id').integer() };
  }
  const special = json.get('SpecialToken');
  if (special.isNull) throw json.error('expected Sequence or SpecialToken');
  return { special: special.get('id').string(), typeId: special.get('type_id').integer() };
}
