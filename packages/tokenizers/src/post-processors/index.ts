export type { TokenAndId } from './around';
export { BertProcessing } from './bert-processing';
export type { ByteLevelOptions } from '../byte-level-part';
export { ByteLevelProcessing } from './byte-level-processing';
export { RobertaProcessing } from './roberta-processing';
export { SequenceProcessing } from './sequence';
export { template } from './template';
export {
  TemplateProcessing,
  type TemplatePiece,
  type TemplateProcessingOptions,
  type TemplateToken,
} from './template-processing';
