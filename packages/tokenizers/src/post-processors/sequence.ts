import type { Encoding } from '../encoding';
import type { PartJSON, PostProcessor } from '../parts';

/** One processor after the other. */
export class SequenceProcessing implements PostProcessor {
  constructor(private readonly processors: readonly PostProcessor[]) {}

  addedTokens(pair: boolean): number {
    return this.processors.reduce((sum, processor) => sum + processor.addedTokens(pair), 0);
  }

  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[] {
    return this.processors.reduce((given, processor) => processor.process(given, addSpecialTokens), encodings);
  }

  toJSON(): PartJSON {
    return { type: 'Sequence', processors: this.processors.map((processor) => processor.toJSON()) };
  }
}
