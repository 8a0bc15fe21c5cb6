import { type ClassifyOptions, loadClassifyTask } from '../data/classify-task';
import { loadNodesTask } from '../data/nodes-task';
import { loadSpeechTask, type SpeechOptions } from '../data/speech-task';
import { loadTagTask, type TagOptions } from '../data/tag-task';
import type { ClassifyConfig } from '../kinds/classify';
import type { TagConfig } from '../kinds/tag';
import type { ClassifyRecipe, NodesRecipe, SpeechRecipe, TagRecipe, TrainingRecipe } from '../recipe';
import { readConfig } from '../run/config';
import type { RunConfig, Task } from '../run/kind';
import { type StageReport, StageProgress } from '../terminal/stage-progress';
import { train, type TrainOptions } from './train';

/** What loading may make use of. */
interface Loading<C extends RunConfig> {
  /** The run that is in the folder, if it goes on and is of this kind. */
  readonly run: C | undefined;
  readonly onProgress: ((report: StageReport) => void) | undefined;
}

/** Trains on a task that gives labels, and says how to go on. */
async function trainLabels<C extends RunConfig>(
  name: C['data']['task'],
  load: (loading: Loading<C>) => Promise<Task>,
  options: TrainOptions<TrainingRecipe>,
  next: (run: string) => string,
): Promise<void> {
  const { output, resume, overwrite } = options;
  await train(
    async ({ mode }) => {
      const before = resume === 'auto' && !overwrite ? await readConfig(output) : undefined;
      const run = before?.data.task === name ? (before as C) : undefined;
      const progress = mode === 'text' ? new StageProgress() : undefined;
      try {
        return await load({ run, onProgress: progress?.update.bind(progress) });
      } finally {
        progress?.stop();
      }
    },
    options,
    (_, __, reporter) => reporter.say(`saved in ${output}; next: ${next(`--run ${output}`)}`),
  );
}

type Given<T> = Omit<T, 'recipe' | 'run' | 'onProgress'>;

/** `train tag`: tags of words. */
export const tag = (data: Given<TagOptions>, options: TrainOptions<TagRecipe>): Promise<void> =>
  trainLabels<TagConfig>(
    'tag',
    (loading) => loadTagTask({ ...data, ...loading, recipe: options.recipe }),
    options,
    (run) => `train evaluate ${run} --test sentences.conllu, train predict ${run} --input sentences.txt`,
  );

/** `train classify`: classes of texts. */
export const classify = (data: Given<ClassifyOptions>, options: TrainOptions<ClassifyRecipe>): Promise<void> =>
  trainLabels<ClassifyConfig>(
    'classify',
    (loading) => loadClassifyTask({ ...data, ...loading, recipe: options.recipe }),
    options,
    (run) => `train evaluate ${run} --test texts.tsv, train predict ${run} --input texts.txt`,
  );

/** `train nodes`: classes of the nodes of a graph. */
export const nodes = (graph: string, options: TrainOptions<NodesRecipe>): Promise<void> =>
  trainLabels(
    'nodes',
    () => loadNodesTask(graph),
    options,
    (run) => `train evaluate ${run}, train predict ${run}`,
  );

/** `train speech`: classes of recordings. */
export const speech = (data: Given<SpeechOptions>, options: TrainOptions<SpeechRecipe>): Promise<void> =>
  trainLabels(
    'speech',
    ({ onProgress }) => loadSpeechTask({ ...data, recipe: options.recipe, onProgress }),
    options,
    (run) =>
      `train evaluate ${run}${data.split === undefined ? ' --test list.tsv' : ''}, train predict ${run} --input paths.txt`,
  );
