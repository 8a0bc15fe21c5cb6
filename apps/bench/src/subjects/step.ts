import { settle, timed } from '../clock';
import { createMeteredEngine } from '../engine';
import { createTrainingSteps, type TrainingStep } from '../model';
import { createPeakMeter } from '../peak';
import type { Series, Settings, Subject } from '../subject';
import { modelOf } from '../workload.mjs';

/** A training step: on the clock, and where its time goes outside the kernels. */
export async function create(settings: Settings): Promise<Subject> {
  const large = settings['model'] === 'vit';
  const { backend, engine } = await createMeteredEngine(settings);
  const { retraced, frozen, batch, parameters } = createTrainingSteps(engine, modelOf(settings['model']));
  const peak = await createPeakMeter(backend.numerics);
  const first = await (await retraced(...batch)).item();

  // V8 needs a hundred calls to compile the tracing code well, and a training run has thousands: warm up without kernels.
  backend.mode = 'skip';
  for (let i = 0; i < (large ? 60 : 150); i++) await retraced(...batch);
  for (let i = 0; i < 110; i++) await frozen(...batch); // the last check of a frozen function is at call 100
  backend.mode = 'run';
  await settle(() => retraced(...batch), large ? 1 : 2);
  await settle(peak, 0.2);

  const measureStep = async (series: Series, name: string, step: TrainingStep): Promise<void> => {
    backend.milliseconds = 0;
    let host = 0;
    const { ms, cpu } = await timed(async () => {
      const started = performance.now();
      const loss = step(...batch);
      host = performance.now() - started; // Traced, looked up and queued; nothing has run yet.
      await (await loss).item();
    });
    const add = (what: string, value: number): unknown => (series[`${name} ${what}`] ??= []).push(value);
    add('ms', ms);
    add('cpu', cpu);
    add('trace', host);
    add('rest', ms - backend.milliseconds - host);
  };

  const repeats = large ? 1 : 2;
  const { arena, variables } = engine.memory();
  let turn = 0;
  return {
    facts: {
      numerics: backend.numerics,
      plan: retraced
        .explain(...batch)
        .split('\n')
        .at(-1)!,
      'first loss': first,
      parameters,
      'arena bytes': arena,
      'variable bytes': variables,
    },
    async round(): Promise<Series> {
      const series: Series = { peak: [peak()] };
      const steps = [
        ['re-traced', retraced],
        ['frozen', frozen],
      ] as const;
      for (const [name, step] of turn++ % 2 === 0 ? steps : [...steps].reverse()) {
        // In training, steps follow steps. While the others had their turn this process was idle, and V8 throws the machine
        // code of idle processes away: compile it again, without kernels, and bring data back into the caches, with them.
        backend.mode = 'skip';
        for (let i = 0; i < (large ? 40 : 100); i++) await step(...batch);
        backend.mode = 'run';
        await step(...batch);
        for (let i = 0; i < repeats; i++) await measureStep(series, name, step);
      }
      series['peak'].push(peak());
      return series;
    },
  };
}
