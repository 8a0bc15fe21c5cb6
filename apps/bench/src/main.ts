import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { describeMachine, nodeVersions } from './machine';
import { installPeer, type PeerName, PEERS } from './peers';
import { gemmReport, peakLines, profileReport, stepReport, traceReport } from './report';
import { type Entry, measure, type Outcome } from './runner';

const USAGE = `bench [--only gemm,step,trace] [--profile] [--peers] [--rounds 15] [--json FILE]
  --only     cases, separated by commas; all by default
  --profile  the training step kernel by kernel, instead of the cases (unless --only names some)
  --peers    installs the peers into apps/bench/.peers and lets them take the same training step
  --rounds   of each case
  --json     writes all samples, and what describes the machine`;
const CASES = ['gemm', 'step', 'trace'];

interface Options {
  readonly cases: readonly string[];
  readonly profile: boolean;
  readonly peers: boolean;
  readonly rounds: number;
  readonly json: string | undefined;
}

function parse(): Options {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((word) => word !== '--'), // pnpm passes it on
    options: {
      only: { type: 'string' },
      profile: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '15' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const cases = values.only?.split(',') ?? (values.profile ? [] : CASES);
  const unknown = cases.find((name) => !CASES.includes(name));
  if (unknown !== undefined) throw new Error(`there is no case '${unknown}'; there are ${CASES.join(', ')}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds needs a positive integer, got '${values.rounds}'`);
  return { cases, profile: values.profile, peers: values.peers, rounds, json: values.json };
}

const results: Record<string, Outcome[]> = {};

/** Measures one case, with a line of progress where somebody watches. */
async function runCase(
  name: string,
  title: string,
  entries: readonly Entry[],
  rounds: number,
  report: (outcomes: Outcome[]) => string,
): Promise<void> {
  const started = Date.now();
  const show = (text: string): unknown => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  show(`${name}: warming up`);
  const outcomes = await measure(entries, rounds, (done) => show(`${name}: round ${done}/${rounds}`));
  show('');
  results[name] = outcomes;
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(
    `\n## ${title}\n${rounds} rounds, taking turns; ${seconds} s\n\n${report(outcomes)}\n${peakLines(outcomes)}`,
  );
}

async function peerEntries(nodes: readonly Entry['node'][]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of Object.keys(PEERS) as PeerName[]) {
    try {
      const argument = await installPeer(name);
      for (const node of nodes)
        entries.push({ label: `${name} ${PEERS[name].version}`, module: `${name}.mjs`, argument, node });
    } catch (error) {
      console.log(`${name} FAILED to install: ${(error as Error).message}`);
    }
  }
  return entries;
}

async function main(): Promise<void> {
  const { cases, profile, peers, rounds, json } = parse();
  const machine = describeMachine();
  const nodes = nodeVersions();
  console.log(
    `${machine.cpu}, ${machine.cores} cores${machine.quota === null ? '' : ` (quota ${machine.quota})`}, ` +
      `${machine.memoryGiB.toFixed(0)} GiB; Node ${nodes.map(({ version }) => version).join(' and ')}; one thread`,
  );
  if (machine.load > 0.5) {
    console.log(
      `Others use the processor (load ${machine.load.toFixed(1)}): trust ratios, shares by CPU time and quartiles, not milliseconds.`,
    );
  }
  const everywhere = (label: string, module: string): Entry[] => nodes.map((node) => ({ label, module, node }));

  if (cases.includes('gemm'))
    await runCase('gemm', 'Matrix products M×N×K', everywhere('qkv', 'gemm.ts'), rounds, gemmReport);
  if (cases.includes('step') || cases.includes('trace')) {
    const entries = [...everywhere('qkv', 'step.ts'), ...(peers ? await peerEntries(nodes) : [])];
    await runCase(
      'step',
      'Training step (B=32, T=64, D=128, H=4, F=512, 4 layers, Adam)',
      entries,
      rounds,
      (outcomes) =>
        [
          ...(cases.includes('step') ? [stepReport(outcomes)] : []),
          ...(cases.includes('trace') ? [traceReport(outcomes)] : []),
        ].join('\n\n'),
    );
  }
  if (profile)
    await runCase('profile', 'Training step, kernel by kernel', everywhere('qkv', 'profile.ts'), rounds, profileReport);

  if (json !== undefined) {
    writeFileSync(
      json,
      `${JSON.stringify({ date: new Date().toISOString(), machine, nodes, peers: PEERS, results })}\n`,
    );
  }
  const own = Object.values(results)
    .flat()
    .filter(({ label }) => label === 'qkv');
  if (own.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
