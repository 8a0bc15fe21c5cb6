import { createMeteredEngine } from '../engine';
import { subjectOf } from '../jobs.mjs';
import { createForward } from '../model';
import { createPeakMeter } from '../peak';
import type { Settings, Subject } from '../subject';
import { FORWARD, modelOf } from '../workload.mjs';

/** The forward pass of the encoder, from numbers on the host to logits on the host: many inputs at once, and one. */
export async function create(settings: Settings): Promise<Subject> {
  const { backend, engine } = await createMeteredEngine(settings);
  const peak = await createPeakMeter(backend.numerics);
  const job = async ({
    B,
    calls,
  }: {
    B: number;
    calls: number;
  }): Promise<{ run: () => Promise<void>; calls: number }> => {
    const forward = createForward(engine, modelOf('step', B));
    await forward(); // weights get their values
    backend.mode = 'skip';
    for (let i = 0; i < 110; i++) await forward(); // the last check of a frozen function is at call 100
    backend.mode = 'run';
    return {
      calls,
      async run() {
        for (let i = 0; i < calls; i++) await forward();
      },
    };
  };
  const facts = { numerics: backend.numerics };
  return subjectOf(FORWARD, job, facts, { seconds: 1, before: peak, kernels: () => backend.milliseconds });
}
