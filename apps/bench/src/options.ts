import { parseArgs } from 'node:util';

import type { Case } from './case';

export interface Options {
  readonly cases: readonly string[];
  readonly full: boolean;
  readonly peers: boolean;
  readonly profile: boolean;
  /** Of each case; as many as its time allows where this is missing. */
  readonly rounds: number | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

type Choice = Pick<Case, 'name' | 'title' | 'optional'>;

export function usage(cases: readonly Choice[]): string {
  const width = Math.max(...cases.map(({ name }) => name.length));
  return `bench [--only CASES] [--full] [--peers | --no-peers] [--rounds N] [--json FILE] [--svg FILE | --no-svg] [--profile]

  --only      cases, separated by commas; all by default
  --full      everything: all sizes, both Nodes, every peer, more rounds; about half an hour
  --no-peers  qkv alone; otherwise peers are installed into apps/bench/.peers, and compared with
  --rounds    of each case, however long they take; by default what fits into the case's time
  --json      writes all samples, and what describes the machine
  --svg       where to draw the ratios; bench.svg by default
  --profile   the training step kernel by kernel, instead of the cases (unless --only names some)

cases:
${cases.map(({ name, title, optional }) => `  ${name.padEnd(width)}  ${title}${optional === true ? ' (with --full or --only)' : ''}`).join('\n')}`;
}

/** What the command line asks for; null if it asks for help. Throws one line that says what is wrong. */
export function parseOptions(words: readonly string[], cases: readonly Choice[]): Options | null {
  const { values } = parseArgs({
    args: words.filter((word) => word !== '--'), // pnpm passes it on
    options: {
      only: { type: 'string' },
      full: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      'no-peers': { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      'no-svg': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  if (values.peers && values['no-peers']) throw new Error('--peers and --no-peers exclude each other');
  const names = cases.map(({ name }) => name);
  const usual = cases.filter(({ optional }) => values.full || optional !== true).map(({ name }) => name);
  const chosen = values.only?.split(',') ?? (values.profile ? [] : usual);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no case '${unknown}'; there are ${names.join(', ')}`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && (!Number.isInteger(rounds) || rounds < 1)) {
    throw new Error(`--rounds needs a positive integer, got '${values.rounds}'`);
  }
  for (const name of ['json', 'svg'] as const) {
    if (values[name] === '') throw new Error(`--${name} needs the name of a file`);
  }
  const svg = values['no-svg']
    ? undefined
    : (values.svg ?? (values.only === undefined && !values.profile ? 'bench.svg' : undefined));
  return {
    cases: names.filter((name) => chosen.includes(name)),
    full: values.full,
    peers: !values['no-peers'],
    profile: values.profile,
    rounds,
    json: values.json,
    svg,
  };
}
