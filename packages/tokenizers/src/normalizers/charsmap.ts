import { TokenizerError } from '../error';

/**
 * The compiled rules of SentencePiece: a table from text to text, read in place.
 *
 * The bytes hold the length of a trie, the trie, and the texts of the right side, each ended by a zero. The trie is a
 * double array (Darts) over the bytes of UTF-8; see `Darts::Details::DoubleArrayUnit` for the bits of a unit.
 */
export class Charsmap {
  private readonly units: Uint32Array;
  private readonly texts: Uint8Array;
  private readonly known = new Map<string, string | null>();
  /** 1 for characters of one unit that are known to have no rule. */
  private readonly unchanged = new Uint8Array(0x10000);

  /** @throws TokenizerError if the bytes are not such rules. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length < 4 ? 0 : view.getUint32(0, true);
    if (size < 4 || 4 + size > bytes.length) {
      throw new TokenizerError(
        'invalid-file',
        `Precompiled: ${bytes.length} bytes hold no rules of SentencePiece; take precompiled_charsmap from its model file`,
      );
    }
    this.units = Uint32Array.from({ length: size >>> 2 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.texts = bytes.subarray(4 + 4 * (size >>> 2));
  }

  /**
   * What stands for `key`, null if nothing is known. As in the Rust library the shortest rule wins that `key` begins
   * with, and the rest of `key` is lost.
   */
  get(key: string): string | null {
    let text = this.known.get(key);
    if (text === undefined) {
      text = this.find(encoder.encode(key));
      if (this.known.size === MAX_KNOWN) this.known.clear();
      this.known.set(key, text);
    }
    return text;
  }

  /** As `get`, for a character of one UTF-16 unit. */
  ofUnit(unit: number): string | null {
    if (this.unchanged[unit] === 1) return null;
    const text = this.get(String.fromCharCode(unit));
    if (text === null) this.unchanged[unit] = 1;
    return text;
  }

  private find(key: Uint8Array): string | null {
    const { units } = this;
    let at = offsetOf(units[0]);
    for (const byte of key) {
      if (byte === 0) return null;
      at ^= byte;
      if (at >= units.length || (units[at] & LABEL) !== byte) return null;
      const unit = units[at];
      at ^= offsetOf(unit);
      if ((unit & HAS_LEAF) !== 0) return at < units.length ? this.textAt(units[at] & VALUE) : null;
    }
    return null;
  }

  private textAt(start: number): string {
    const end = this.texts.indexOf(0, start);
    return decoder.decode(this.texts.subarray(start, end < 0 ? this.texts.length : end));
  }
}

const MAX_KNOWN = 50_000;
const HAS_LEAF = 1 << 8;
const LABEL = (1 << 31) | 0xff;
const VALUE = 0x7fffffff;

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });
