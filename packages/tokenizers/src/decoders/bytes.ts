import { ByteLevelPart, readByteLevel } from '../byte-level-part';
import { charToByte } from '../bytes';
import type { JsonValue } from '../json';
import type { Decoder } from '../parts';

/** Reads tokens as bytes in GPT-2's alphabet. */
export class ByteLevelDecoder extends ByteLevelPart implements Decoder {
  static read(json: JsonValue): ByteLevelDecoder {
    return new ByteLevelDecoder(readByteLevel(json));
  }

  decode(tokens: readonly string[]): string[] {
    const encoder = new TextEncoder();
    let bytes = new Uint8Array(256);
    let length = 0;
    for (const token of tokens) {
      while (length + 3 * token.length > bytes.length) {
        const larger = new Uint8Array(2 * bytes.length);
        larger.set(bytes);
        bytes = larger;
      }
      let i = 0;
      for (; i < token.length; i++) {
        const byte = charToByte[token.charCodeAt(i)] ?? -1;
        if (byte < 0) break;
        bytes[length + i] = byte;
      }
      // A token with any other character is text.
      length += i === token.length ? i : encoder.encodeInto(token, bytes.subarray(length)).written;
    }
    return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length))];
  }
}

/** The byte that a token such as `<0x0A>` means, or -1. */
export const fallbackByte = (token: string): number => {
  const digits = /^<0x(\+[\da-fA-F]|[\da-fA-F]{2})>$/.exec(token);
  return digits === null ? -1 : Number.parseInt(digits[1], 16);
};

/** Puts runs of tokens such as `<0xE2>` together to characters; a run that is not UTF-8 becomes as many U+FFFD. */
export class ByteFallback implements Decoder {
  decode(tokens: readonly string[]): string[] {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const result: string[] = [];
    let run: number[] = [];
    const flush = () => {
      if (run.length === 0) return;
      try {
        result.push(decoder.decode(Uint8Array.from(run)));
      } catch {
        for (let i = 0; i < run.length; i++) result.push('\ufffd');
      }
      run = [];
    };
    for (const token of tokens) {
      const byte = fallbackByte(token);
      if (byte >= 0) {
        run.push(byte);
        continue;
      }
      flush();
      result.push(token);
    }
    flush();
    return result;
  }

  toJSON() {
    return { type: 'ByteFallback' };
  }
}
