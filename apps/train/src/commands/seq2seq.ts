import { loadSeq2seqTask, type Seq2seqOptions } from '../data/seq2seq-task';
import { pairsConfig } from '../kinds/pairs';
import { readConfig } from '../run/config';
import { StageProgress } from '../terminal/stage-progress';
import { train, type TrainOptions } from './train';

/** `train seq2seq`: the user's own pairs. */
export async function seq2seq(
  data: Pick<Seq2seqOptions, 'train' | 'valid' | 'sourceUnit' | 'targetUnit'>,
  options: TrainOptions,
): Promise<void> {
  const { output, resume, overwrite, recipe } = options;
  await train(
    async ({ mode }) => {
      const run = resume === 'auto' && !overwrite ? await readConfig(output) : undefined;
      const progress = mode === 'text' ? new StageProgress() : undefined;
      try {
        const onProgress = progress?.update.bind(progress);
        return await loadSeq2seqTask({
          ...data,
          maxLength: recipe.maxLength,
          run: run && pairsConfig(run),
          onProgress,
        });
      } finally {
        progress?.stop();
      }
    },
    options,
    (_, __, reporter) => {
      reporter.say(
        `saved in ${output}; next: train evaluate --run ${output} --test pairs.tsv, train predict --run ${output} --input file`,
      );
    },
  );
}
