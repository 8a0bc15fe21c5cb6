import { loadG2pTask } from '../data/g2p-task';
import { train, type TrainOptions } from './train';

/** `train g2p`: pronunciation from CMUdict. The held-out words stay unseen: `evaluate` is for them. */
export async function g2p(options: TrainOptions): Promise<void> {
  await train(
    () => loadG2pTask(options.recipe),
    options,
    (_, __, reporter) => {
      reporter.say(
        `saved in ${options.output}; next: train evaluate --run ${options.output}, train pronounce WORD… --run ${options.output}`,
      );
    },
  );
}
