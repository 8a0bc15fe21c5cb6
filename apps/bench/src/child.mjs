/**
 * The process of one subject: `node child.mjs <module> <settings as JSON>`, forked by `runner.ts`. Plain JavaScript, because
 * peers run without a TypeScript loader, as their users do.
 */
import { residentMiB } from './memory.mjs';

const [module, settings] = process.argv.slice(2);
const send = (/** @type {import('./subject').Message} */ message, then = () => {}) => process.send?.(message, then);

/** Errors go to the table; they must not end the whole bench. */
const guarded = async (/** @type {() => Promise<void>} */ job) => {
  try {
    await job();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ kind: 'failed', message: message.split('\n')[0] }, () => process.disconnect());
  }
};

process.on('disconnect', () => process.exit()); // workers of a library would keep it alive

await guarded(async () => {
  const before = residentMiB().now;
  /** @type {import('./subject').SubjectModule} */
  const { create } = await import(module);
  const subject = await create(JSON.parse(settings));
  process.on('message', () =>
    guarded(async () => {
      const series = await subject.round();
      send({ kind: 'samples', series: { ...series, 'peak RSS': [residentMiB().peak] } });
    }),
  );
  send({ kind: 'ready', facts: { ...subject.facts, 'RSS before': before } });
});
