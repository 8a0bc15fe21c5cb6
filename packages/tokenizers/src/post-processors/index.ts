import type { Encoding } from '../encoding';
import type { JsonValue } from '../json';
import type { PartJSON, PostProcessor } from '../parts';
import { readBertProcessing } from './bert-processing';
import { readByteLevelProcessing } from './byte-level-processing';
import { readRobertaProcessing } from './roberta-processing';
import { readTemplateProcessing } from './template-processing';

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

const readers: Readonly<Record<string, (json: JsonValue) => PostProcessor>> = {
  BertProcessing: readBertProcessing,
  ByteLevel: readByteLevelProcessing,
  RobertaProcessing: readRobertaProcessing,
  Sequence: (json) => new SequenceProcessing(json.get('processors').items().map(readPostProcessor)),
  TemplateProcessing: readTemplateProcessing,
};

/** The post-processor of a `tokenizer.json`. */
export function readPostProcessor(json: JsonValue): PostProcessor {
  return readers[json.get('type').oneOf(Object.keys(readers))](json);
}
