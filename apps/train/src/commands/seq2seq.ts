import { loadSeq2seqTask, type Seq2seqOptions } from '../data/seq2seq-task';
import { train, type TrainOptions } from './train';

/** `train seq2seq`: the user's own pairs. */
export async function seq2seq(data: Omit<Seq2seqOptions, 'maxLength'>, options: TrainOptions): Promise<void> {
  await train(
    () => loadSeq2seqTask({ ...data, maxLength: options.recipe.maxLength }),
    options,
    (_, __, reporter) => {
      reporter.say(
        `saved in ${options.output}; next: train evaluate --run ${options.output} --test pairs.tsv, train predict --run ${options.output} --input file`,
      );
    },
  );
}
