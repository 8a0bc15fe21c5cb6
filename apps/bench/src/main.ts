import { writeFileDurably } from '@qkv/safetensors/node';

import type { Case, Measurement, Report } from './case';
import { CASES, PROFILE } from './cases';
import { describeMachine, type Machine } from './machine';
import { DISTURBED } from './others';
import { type Options, parseOptions, usage } from './options';
import { PEERS } from './peers';
import { Progress } from './progress';
import { type Effort, measure, type Outcome } from './runner';
import { lookAround, type Surroundings } from './surroundings';

const DISTURBANCE =
  'Others were at work, so this run says little about who is faster: threads that wait for each other (torch 2t, ort) and wide\n' +
  'vectors suffer most from neighbours. Shares by CPU time, and ratios among subjects of one kind, are what holds.';

interface Finished {
  readonly name: string;
  readonly title: string;
  readonly outcomes: readonly Outcome[];
  /** Cores that others kept busy meanwhile. */
  readonly others: number;
  readonly report: Report;
}

function sayMachine(machine: Machine, { nodes, torch }: Surroundings): void {
  const { cpu, cores, quota, memoryGiB, load } = machine;
  const python = torch === null ? '' : `; ${torch.runtime.version} with torch ${torch.version}`;
  console.log(
    `${cpu}, ${cores} cores${quota === null ? '' : ` (quota ${quota})`}, ${memoryGiB.toFixed(0)} GiB; ` +
      `Node ${nodes.map(({ version }) => version).join(' and ')}${python}`,
  );
  if (load > 0.5) {
    console.log(
      `Others use the processor (load ${load.toFixed(1)}): trust ratios, shares by CPU time and quartiles, not milliseconds.`,
    );
  }
}

/** Cases that report on the same measurement, in order. */
function grouped(cases: readonly Case[]): [Measurement, Case[]][] {
  const groups = new Map<Measurement, Case[]>();
  for (const one of cases) groups.set(one.measurement, [...(groups.get(one.measurement) ?? []), one]);
  return [...groups];
}

async function measureAll(options: Options, surroundings: Surroundings): Promise<Finished[]> {
  const chosen = CASES.filter(({ name }) => options.cases.includes(name));
  const groups = grouped(options.profile ? [...chosen, PROFILE] : chosen);
  const effortOf = ({ quick, full }: Measurement): Effort => {
    const effort = options.full ? full : quick;
    return options.rounds === undefined ? effort : { rounds: options.rounds, seconds: Infinity };
  };
  const expected = groups.map(
    ([measurement]) => measurement.warmUp + (options.full ? measurement.full : measurement.quick).seconds,
  );
  const progress = new Progress(expected);
  const finished: Finished[] = [];
  for (const [measurement, cases] of groups) {
    const started = performance.now();
    progress.begin(cases.map(({ name }) => name).join(', '));
    const entries = await measurement.entries(surroundings);
    const { outcomes, others } = await measure(entries, effortOf(measurement), (what) => progress.show(what));
    progress.end();
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const rounds = Math.max(0, ...outcomes.map((outcome) => outcome.rounds.length));
    for (const { name, title, report } of cases) {
      finished.push({ name, title, outcomes, others, report: report(outcomes) });
      const busy = Number.isFinite(others) ? `; others kept ${others.toFixed(1)} cores busy` : '';
      console.log(
        `\n## ${title}\n${rounds} round${rounds === 1 ? '' : 's'}, taking turns; ${seconds} s${busy}\n\n${finished.at(-1)!.report.text}`,
      );
    }
  }
  return finished;
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFileDurably(path, text);
  } catch (error) {
    throw new Error(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), CASES);
  if (options === null) {
    console.log(usage(CASES));
    return;
  }
  const machine = describeMachine();
  const cores = Math.max(1, Math.floor(machine.quota ?? machine.cores));
  const surroundings = await lookAround({ peers: options.peers, full: options.full, cores }, (line) =>
    console.log(line),
  );
  sayMachine(machine, surroundings);
  const started = performance.now();
  const finished = await measureAll(options, surroundings);
  console.log(`\n${((performance.now() - started) / 1000).toFixed(0)} s in all`);
  if (finished.some(({ others }) => others > DISTURBED)) console.log(DISTURBANCE);

  if (options.json !== undefined) {
    const results = Object.fromEntries(finished.map(({ name, outcomes, others }) => [name, { others, outcomes }]));
    const { nodes, torch } = surroundings;
    const runtimes = { nodes: nodes.map(({ version }) => version), torch: torch?.version ?? null };
    const record = { date: new Date().toISOString(), machine, runtimes, peers: PEERS, options, results };
    await write(options.json, `${JSON.stringify(record)}\n`);
  }
  if (options.svg !== undefined) {
    const { drawChart } = await import('./chart'); // half a second to load
    await write(options.svg, await drawChart(finished, machine));
    console.log(`drawn in ${options.svg}`);
  }
  const own = finished.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome.own);
  if (
    own.some(
      ({ failure, facts }) => failure !== undefined || Object.keys(facts).some((name) => name.startsWith('failed: ')),
    )
  ) {
    console.error('bench: qkv itself failed; see above');
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
