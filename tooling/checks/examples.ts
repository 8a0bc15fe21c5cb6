/**
 * The TypeScript examples of Markdown files: found, type-checked in one program, and run from source.
 *
 * A comment behind a `console.log(…);` is exactly what this call prints, on one line; several calls are joined by ', ',
 * and a line break with its indentation counts as one space. What is not the same everywhere is described above the call.
 * A block that cannot run is marked ```ts no-run; its types are checked all the same, and the text says why it cannot.
 */
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Example {
  /** The Markdown file, seen from the root. */
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly code: string;
  readonly runs: boolean;
}

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const languages = new Set(['ts', 'typescript', 'tsx', 'mts', 'cts', 'js', 'javascript', 'jsx', 'mjs', 'cjs']);

/** Every fenced block that is code of ours, and the fences that say something else than ```ts or ```ts no-run. */
export function extract(file: string, markdown: string): { examples: Example[]; problems: Problem[] } {
  const examples: Example[] = [];
  const problems: Problem[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let start = 0; start < lines.length; start++) {
    const fence = /^ *(`{3,}|~{3,}) *(.*?) *$/.exec(lines[start]);
    if (!fence) continue;
    const [, mark, info] = fence;
    const closes = (text: string) => text.trim().startsWith(mark) && text.trim().replaceAll(mark[0], '') === '';
    let end = start + 1;
    while (end < lines.length && !closes(lines[end])) end++;
    const line = start + 1;
    if (info === 'ts' || info === 'ts no-run') {
      examples.push({ file, line, code: lines.slice(start + 1, end).join('\n'), runs: info === 'ts' });
    } else if (languages.has(info.split(/\W/)[0].toLowerCase())) {
      problems.push({ file, line, message: `a block marked '${info}'; write 'ts', or 'ts no-run' and the reason` });
    }
    start = end;
  }
  return { examples, problems };
}

/** A call of console.log. */
export interface Call {
  /** In the Markdown file. */
  readonly line: number;
  /** Where `console.log` ends in the code. */
  readonly calleeEnd: number;
  /** What the comment behind it says that it prints, if there is one. */
  readonly expected: string | undefined;
}

/** In the order of the text. */
export function findCalls({ line, code }: Example): Call[] {
  const ast = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true);
  const found: Call[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText(ast) === 'console.log') {
      const [comment] = ts.isExpressionStatement(node.parent)
        ? (ts.getTrailingCommentRanges(code, node.parent.end) ?? [])
        : [];
      found.push({
        line: line + 1 + ast.getLineAndCharacterOfPosition(node.getStart(ast)).line,
        calleeEnd: node.expression.end,
        expected:
          comment?.kind === ts.SyntaxKind.SingleLineCommentTrivia
            ? code.slice(comment.pos + 2, comment.end).trim()
            : undefined,
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

/** Stands before what a call prints, and tells which one it was. */
const label = (call: number) => `\u27e8${call}\u27e9`;
const labelled = /^\u27e8(\d+)\u27e9 ?/;

export function instrument(example: Example, calls: readonly Call[]): string {
  let { code } = example;
  for (const [i, { calleeEnd }] of [...calls.entries()].toReversed()) {
    code = `${code.slice(0, calleeEnd)}.bind(console, '${label(i)}')${code.slice(calleeEnd)}`;
  }
  return onItsLine(example, code);
}

/** Line numbers of compiler and stack traces are those of the Markdown file. */
export const onItsLine = ({ line }: Example, code: string) => '\n'.repeat(line) + code + '\n';

/** A folder outside of the workspace in which `@qkv/…` are the workspace's packages, as they are after an npm install. */
function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'qkv-examples-')));
  mkdirSync(join(folder, 'node_modules/@qkv'), { recursive: true });
  for (const name of readdirSync(join(root, 'packages'))) {
    symlinkSync(join(root, 'packages', name), join(folder, 'node_modules/@qkv', name), 'junction');
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  return folder;
}

function typeCheck(examples: ReadonlyMap<string, Example>): Problem[] {
  const configPath = join(root, 'tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configPath, ts.sys.readFile).config,
    { ...ts.sys, readDirectory: () => [] }, // the options, not the files
    root,
    undefined,
    configPath,
  );
  const program = ts.createProgram([...examples.keys()], { ...options, moduleDetection: ts.ModuleDetectionKind.Force });
  const problems: Problem[] = [];
  const diagnostics = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  // Of the examples only: the sources of packages are the business of `test --only types`.
  for (const path of examples.keys()) {
    const source = program.getSourceFile(path);
    diagnostics.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source));
  }
  for (const diagnostic of diagnostics) {
    const example = diagnostic.file && examples.get(diagnostic.file.fileName);
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    problems.push({
      file: example?.file ?? 'tsconfig.json',
      line: example ? diagnostic.file!.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line + 1 : 1,
      message: `type error: ${message}`,
    });
  }
  return problems;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runFile(path: string): Promise<Outcome> {
  const { FORCE_COLOR: _, NODE_OPTIONS: __, ...env } = process.env;
  return new Promise((resolve) => {
    const args = ['--conditions=@qkv/source', '--import', 'tsx', path];
    const child = spawn(process.execPath, args, {
      cwd: root, // where tsx is
      env: { ...env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
    }
    child.on('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}

export function judge({ file, line }: Example, calls: readonly Call[], { code, stdout, stderr }: Outcome): Problem[] {
  if (code !== 0) return [{ file, line, message: `exit code ${code}: ${stderr.trim() || 'killed'}` }];
  const problems: Problem[] = [];
  if (stderr.trim() !== '') problems.push({ file, line, message: `writes to stderr: ${stderr.trim()}` });
  const printed = calls.map((): string[] => []);
  let current: string[] = [];
  for (const text of stdout.trimEnd().split('\n')) {
    const match = labelled.exec(text);
    if (match) {
      current = printed[Number(match[1])];
      current.push(text.slice(match[0].length));
    } else if (current.length > 0) {
      current[current.length - 1] += ` ${text.trim()}`;
    }
  }
  for (const [i, { line: at, expected }] of calls.entries()) {
    const actual = printed[i].join(', ');
    if (expected !== undefined && actual !== expected) {
      problems.push({ file, line: at, message: `prints '${actual}', not '${expected}'` });
    }
  }
  return problems;
}

/** Markdown files, absolute → their examples, and all that is wrong with them in the order of the lines. */
export async function checkExamples(paths: readonly string[]): Promise<{ examples: Example[]; problems: Problem[] }> {
  const all = paths.map((path) => extract(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')));
  const examples = all.flatMap((found) => found.examples);
  const problems = all.flatMap((found) => found.problems);
  const folder = makeFolder();
  try {
    const queue = examples.map((example, i) => {
      const calls = findCalls(example);
      const [checked, run] = ['checked', 'run'].map((kind) => join(folder, `${i}-${kind}.ts`).split(sep).join('/'));
      writeFileSync(checked, onItsLine(example, example.code));
      writeFileSync(run, instrument(example, calls));
      return { example, calls, checked, run };
    });
    const checkedFiles = new Map(queue.map(({ checked, example }) => [checked, example]));
    const waiting = queue.filter(({ example }) => example.runs);
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        problems.push(...judge(next.example, next.calls, await runFile(next.run)));
      }
    };
    const workers = Array.from({ length: Math.min(4, availableParallelism()) }, worker);
    problems.push(...typeCheck(checkedFiles)); // while they run
    await Promise.all(workers);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { examples, problems: problems.sort((a, b) => a.line - b.line) };
}
