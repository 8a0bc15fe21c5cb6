import { show, TokenizerError } from '../error';
import type { TemplatePiece } from './template-processing';

/**
 * The pieces of a template in short: `[CLS] $A [SEP] $B:1 [SEP]:1`. What follows a colon is the type id; `$`, `$0` and
 * `$1` are the first text, of type 0 or 1.
 *
 * @throws TokenizerError for a text that is none of these.
 */
export const template = (text: string): TemplatePiece[] =>
  text
    .split(' ')
    .filter((piece) => piece !== '')
    .map((piece) => {
      const found = /^\$(?<sequence>[AaBb]?)(?<type>\d*)(?::(?<typeId>\d+))?$/.exec(piece)?.groups;
      if (found !== undefined) {
        const sequence = found.sequence.toUpperCase() === 'B' ? 'B' : 'A';
        return { sequence, typeId: Number(found.typeId ?? (found.type || 0)) };
      }
      if (piece.startsWith('$')) {
        throw new TokenizerError(
          'invalid-option',
          `template: "${show(piece)}" is no text; write $A or $B, with :1 for type 1`,
        );
      }
      const { name, typeId } = /^(?<name>.*?)(?::(?<typeId>\d+))?$/su.exec(piece)!.groups!;
      return { special: name, typeId: Number(typeId ?? 0) };
    });
