import type { JsonValue } from '../json';
import type { Normalizer } from '../parts';
import { TextEditor } from '../text/text-editor';

/** A pattern as `tokenizer.json` holds it. */
export type ReplacePattern = { readonly String: string } | { readonly Regex: string };

/** `replace` out of `tokenizer.json`. */
export const readReplace = (json: JsonValue): Normalizer =>
  replacing(json.get('pattern'), json.kit.compile, json.get('content').string());

export function replacing(pattern: JsonValue, compile: (pattern: JsonValue) => RegExp, content: string): Normalizer {
  const json = readPattern(pattern);
  const literal = 'String' in json ? json.String : undefined;
  const expression = compile(pattern);
  const toJSON = () => ({ type: 'Replace', pattern: json, content });

  // One unit for one, as in spaces written as "▁": nothing moves.
  if (literal?.length === 1 && content.length === 1) {
    return {
      normalize: (text) =>
        text.text.includes(literal) ? text.withText(text.text.replaceAll(literal, () => content)) : text,
      toJSON,
    };
  }
  return {
    normalize(text) {
      if (text.text === '' || (literal !== undefined && !text.text.includes(literal))) return text;
      let editor: TextEditor | undefined;
      let previous = -1; // where the last match ended
      for (const { 0: match, index } of text.text.matchAll(expression)) {
        // Oniguruma's iteration gives no empty match right after another match.
        if (match === '' && index === previous) continue;
        previous = index + match.length;
        editor ??= new TextEditor(text);
        editor.keep(index);
        editor.skip(previous);
        editor.insert(content);
      }
      return editor === undefined ? text : editor.finish();
    },
    toJSON,
  };
}

function readPattern(json: JsonValue): ReplacePattern {
  const kinds = Object.keys(json.object());
  if (kinds.length !== 1 || (kinds[0] !== 'String' && kinds[0] !== 'Regex')) {
    throw json.error('expected an object with String or Regex');
  }
  const text = json.get(kinds[0]).string();
  return kinds[0] === 'String' ? { String: text } : { Regex: text };
}
