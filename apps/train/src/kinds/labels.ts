import { labelReport, meanLoss, scoreLabels } from '../model/label-scores';
import {
  judgeLabels,
  type Labelled,
  type Labeller,
  type LabellerRecipe,
  type LabelJudgement,
  labelLearner,
} from '../model/labeller';
import type { Symbols } from '../model/symbols';
import type { TrainingRecipe } from '../recipe';
import type { Judging, Kind, RunConfig, Task } from '../run/kind';

/** Of a run that learns to give labels. */
export interface LabelConfig extends RunConfig {
  readonly recipe: TrainingRecipe & LabellerRecipe;
  readonly codecs: { readonly label: Symbols } & RunConfig['codecs'];
}

/** Examples to train on and to be chosen by. */
export interface LabelTask<E extends Labelled> extends Task {
  readonly training: readonly E[];
  readonly validation: readonly E[];
}

type LabelKind<C extends LabelConfig, E extends Labelled, T extends LabelTask<E>> = Kind<
  C,
  Labeller<E>,
  T,
  E,
  LabelJudgement
>;

type Own<C extends LabelConfig, E extends Labelled, T extends LabelTask<E>> = Pick<
  LabelKind<C, E, T>,
  | 'name'
  | 'settings'
  | 'dataSchema'
  | 'codecNames'
  | 'specsOf'
  | 'contentOf'
  | 'createModel'
  | 'loadTask'
  | 'testExamples'
  | 'predict'
> & {
  /** What has a label: `words`. */
  readonly items: string;
  /** What examples are made of, and speed is counted in: `words`, `frames`. */
  readonly unit: string;
};

/** A kind of task that gives labels to items, and is judged by how many of them are right. */
export function labelKind<C extends LabelConfig, E extends Labelled, T extends LabelTask<E>>({
  items,
  unit,
  ...own
}: Own<C, E, T>): LabelKind<C, E, T> {
  const judging: Judging = {
    examples: items,
    metrics: {
      accuracy: { label: 'accuracy', better: 'max' },
      macroF1: { label: 'macro F1', better: 'max' },
    },
  };
  return {
    ...own,
    judging,
    decodes: false,
    learn: (model, { training, validation }, recipe) => ({
      ...labelLearner(model, training, recipe),
      unit,
      async validate(signal) {
        const judgements = await judgeLabels(model, validation, { signal });
        return { loss: meanLoss(judgements), scores: scoreLabels(judgements) };
      },
    }),
    validationOf: ({ validation }) => validation,
    judge: judgeLabels,
    score: scoreLabels,
    report: (_, judgements) => labelReport(judgements),
  };
}
