import pc from 'picocolors';

/** Colours where a person looks; picocolors alone would also send them to logs wherever CI is set. */
const colorsFor = (stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> =>
  pc.createColors(process.env.NO_COLOR === undefined && (stream.isTTY || process.env.FORCE_COLOR !== undefined));

export const out = colorsFor(process.stdout);
export const err = colorsFor(process.stderr);
