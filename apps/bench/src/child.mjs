/**
 * The process of one subject: `node child.mjs <module> <argument>`, forked by `runner.ts`. Plain JavaScript, because
 * peers run without a TypeScript loader, as their users do.
 */
const [module, argument] = process.argv.slice(2);
const send = (/** @type {import('./subject').Message} */ message, then = () => {}) => process.send?.(message, then);

/** Errors go to the table; they must not end the whole bench. */
const guarded = async (/** @type {() => Promise<void>} */ job) => {
  try {
    await job();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ kind: 'failed', message }, () => process.disconnect());
  }
};

await guarded(async () => {
  /** @type {import('./subject').SubjectModule} */
  const { create } = await import(module);
  const subject = await create(argument);
  process.on('message', () =>
    guarded(async () => {
      send({ kind: 'samples', series: await subject.round() });
    }),
  );
  send({ kind: 'ready', facts: subject.facts });
});
