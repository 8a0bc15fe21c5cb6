import type { JsonValue } from '../json';
import { readPart } from '../kit';
import type { PostProcessor } from '../parts';
import { SequenceProcessing } from './sequence';

/** The post-processor of a `tokenizer.json`. */
export const readPostProcessor = (json: JsonValue): PostProcessor => readPart(json, json.kit.postProcessors);

export const readPostProcessorSequence = (json: JsonValue): PostProcessor =>
  new SequenceProcessing(json.get('processors').items().map(readPostProcessor));
