import type { Decoder } from '../parts';

/** Decoders one after the other: each takes the parts that the one before gave. */
export class DecoderSequence implements Decoder {
  constructor(readonly decoders: readonly Decoder[]) {}

  decode(tokens: readonly string[]): string[] {
    return this.decoders.reduce<string[]>((parts, decoder) => decoder.decode(parts), [...tokens]);
  }

  toJSON() {
    return { type: 'Sequence', decoders: this.decoders.map((decoder) => decoder.toJSON()) };
  }
}
