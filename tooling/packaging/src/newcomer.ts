/** What somebody does who has only the README and the registry; here the tarballs stand for the registry. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Example, findCalls, instrument, judge, onItsLine, root } from '@qkv/checks/examples';
import ts from 'typescript';

import { attempt, run } from './process';

/** Runs `body` in an empty project outside of the workspace. */
export async function inEmptyFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'qkv-newcomer-')));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tarballs that need one another are named in one command, so that nothing of ours is asked of a registry. */
export async function install(folder: string, tarballs: readonly string[]): Promise<void> {
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], folder);
}

/** The packages that a README says to install, in one line or, where only a part of it needs more, in several. */
export function installLines(readme: string): string[] {
  return Array.from(readme.matchAll(/^npm install (.+)$/gm), ([, names]) => names.split(/\s+/)).flat();
}

/** The packages that a piece of code imports. */
export function importedPackages(code: string): string[] {
  const names = ts.preProcessFile(code).importedFiles.map(({ fileName }) => fileName);
  return [...new Set(names.filter((name) => !name.startsWith('.') && !name.startsWith('node:')))].map((name) =>
    name.split('/', name.startsWith('@') ? 2 : 1).join('/'),
  );
}

const resolutions: Record<string, ts.CompilerOptions> = {
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
};

/** The compiler's own libraries are read once for all programs. */
const libraries = new Map<string, ts.SourceFile | undefined>();

/**
 * Type errors of these files and of all declarations that they reach, `skipLibCheck` off, as bundlers and as Node
 * resolve modules. The types of Node are there only if one of the files itself imports from Node: a package must not
 * need them.
 */
export function typeErrors(folder: string, files: Record<string, string>): string[] {
  const paths = Object.entries(files).map(([name, code]) => {
    const path = join(folder, name);
    writeFileSync(path, code);
    return path;
  });
  const usesNode = Object.values(files).some((code) => /from 'node:/.test(code));
  return Object.entries(resolutions).flatMap(([resolution, options]) => {
    const all: ts.CompilerOptions = {
      ...options,
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      moduleDetection: ts.ModuleDetectionKind.Force,
      skipLibCheck: false,
      skipDefaultLibCheck: true,
      typeRoots: [join(root, 'node_modules/@types')],
      types: usesNode ? ['node'] : [],
    };
    const host = ts.createCompilerHost(all);
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (path, ...rest) => {
      if (!path.includes('/typescript/lib/lib.')) return read(path, ...rest);
      if (!libraries.has(path)) libraries.set(path, read(path, ...rest));
      return libraries.get(path);
    };
    host.getCurrentDirectory = () => folder;
    return ts.getPreEmitDiagnostics(ts.createProgram(paths, all, host)).map(({ file, start, messageText }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      const where = file ? `${file.fileName.slice(folder.length + 1)}:${line}: ` : '';
      return `${resolution}: ${where}${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

const javascript = (code: string) =>
  ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  }).outputText;

/** Imports each of these entries, and says which cannot be. */
export async function importErrors(node: string, folder: string, entries: readonly string[]): Promise<string[]> {
  const code = entries.map((entry) => `await import('${entry}');`).join(' ');
  const { code: exit, stderr } = await attempt(node, ['--input-type=module', '--eval', code], folder);
  return exit === 0 && stderr === '' ? [] : [stderr.trim() || `exit code ${exit}`];
}

/** Runs an example as the newcomer's own file, and compares what it prints with its comments. */
export async function exampleErrors(node: string, folder: string, example: Example): Promise<string[]> {
  const calls = findCalls(example);
  mkdirSync(join(folder, 'run'), { recursive: true });
  const path = join(folder, 'run', `line-${example.line}.js`);
  writeFileSync(path, javascript(instrument(example, calls)));
  return judge(example, calls, await attempt(node, [path], folder)).map(({ line, message }) => `${line}: ${message}`);
}

export const typedExample = (example: Example) => onItsLine(example, example.code);
