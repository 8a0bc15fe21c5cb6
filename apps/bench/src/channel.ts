import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Message, Settings } from './subject';

/** What a subject runs under. */
export interface Runtime {
  readonly kind: 'node' | 'python';
  /** For tables, such as `v20.20.2`. */
  readonly version: string;
  readonly path: string;
}

export interface Program {
  /** Name of a module in `subjects/`: TypeScript, plain JavaScript or Python. */
  readonly module: string;
  readonly settings: Settings;
  readonly runtime: Runtime;
  /** Beside the bench's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function forkNode({ module, settings, runtime, environment }: Program): ChildProcess {
  const source = module.endsWith('.ts');
  return fork(here('./child.mjs'), [here(`./subjects/${module}`), JSON.stringify(settings)], {
    execPath: runtime.path,
    env: { ...process.env, ...environment },
    // Our own sources need the loader and the condition under which packages are their sources.
    execArgv: source ? ['--conditions=@qkv/source', '--import', import.meta.resolve('tsx')] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // what libraries print about themselves is not part of the tables
  });
}

/** The same conversation in lines: `round` in, one message as JSON out. */
function spawnPython({ module, settings, runtime, environment }: Program): ChildProcess {
  return spawn(runtime.path, ['-u', here(`./subjects/${module}`), JSON.stringify(settings)], {
    env: { ...process.env, ...environment, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** The line of an error's output that says what went wrong. */
export function reasonOf(errors: string, code: number | null, signal: NodeJS.Signals | null): string {
  // `TypeError: …`, of JavaScript and Python alike; not the source line above it, which may be a whole bundle.
  const lines = errors.split('\n').filter((line) => /^(Uncaught )?[\w.]*(Error|Exception)\b/.test(line));
  return lines.at(-1)?.trim().slice(0, 300) ?? `ended with ${signal ?? `code ${code}`}`;
}

/** A subject's process. Every request is answered by one message; when it ends, whatever the cause, the answer is `failed`. */
export class Channel {
  readonly #process: ChildProcess;
  #answer: ((message: Message) => void) | undefined;
  #ended: Message | undefined;
  #errors = '';

  constructor(
    private readonly program: Program,
    private readonly patience: number,
  ) {
    this.#process = program.runtime.kind === 'node' ? forkNode(program) : spawnPython(program);
    const { stderr, stdout, stdin } = this.#process;
    stderr!.on('data', (chunk: Buffer) => (this.#errors = `${this.#errors}${chunk}`.slice(-4000)));
    stdin?.on('error', () => {}); // it has ended, which is reported below
    if (stdout !== null) createInterface(stdout).on('line', (line) => this.#line(line));
    this.#process.on('message', (message: Message) => this.#answered(message));
    this.#process.on('error', (error) => this.#end(error.message));
    this.#process.on('close', (code, signal) => this.#end(reasonOf(this.#errors, code, signal)));
  }

  get pid(): number | undefined {
    return this.#ended === undefined ? this.#process.pid : undefined;
  }

  #line(line: string): void {
    if (line.startsWith('{')) this.#answered(JSON.parse(line) as Message); // a library may print something else
  }

  #end(message: string): void {
    this.#ended ??= { kind: 'failed', message };
    this.#answered(this.#ended);
  }

  #answered(message: Message): void {
    if (message.kind === 'failed') this.#ended ??= message;
    this.#answer?.(message);
    this.#answer = undefined;
  }

  /** The next message; the first comes without being asked for. */
  next(): Promise<Message> {
    if (this.#ended !== undefined) return Promise.resolve(this.#ended);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#end(`no answer in ${this.patience} s`);
        this.#process.kill('SIGKILL');
      }, 1000 * this.patience);
      this.#answer = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
    });
  }

  round(): Promise<Message> {
    const message = this.next();
    if (this.#ended === undefined) {
      if (this.program.runtime.kind === 'node') this.#process.send('round', () => {}); // a failure shows when it closes
      else this.#process.stdin!.write('round\n');
    }
    return message;
  }

  close(): void {
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill();
  }
}
