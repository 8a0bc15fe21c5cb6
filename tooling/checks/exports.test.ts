/** Law 6: the exported names of each public entry. `vitest run --project checks -u` writes down a change that is meant. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import ts from 'typescript';
import { expect, test } from 'vitest';

import { root } from './examples';

type Runtime = Readonly<Record<string, unknown>>;

/** `@qkv/safetensors/node` → its source. */
function publicEntries(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of readdirSync(join(root, 'packages')).sort()) {
    const home = join(root, 'packages', folder);
    const { name, exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    for (const [key, entry] of Object.entries<any>(exports)) {
      if (key !== './package.json') found.set(name + key.slice(1), join(home, entry['@qkv/source']));
    }
  }
  return found;
}

function createProgram(files: readonly string[]): ts.Program {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  return ts.createProgram(files, { ...options, types: [] });
}

/** One line a name: what exists at run time is a value, the rest are types. A namespace is listed with its members. */
function namesOf(checker: ts.TypeChecker, module: ts.Symbol, runtime: Runtime, prefix = ''): string[] {
  return checker.getExportsOfModule(module).flatMap((symbol) => {
    const { name } = symbol;
    if (!(name in runtime)) return [`type  ${prefix}${name}`];
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const isNamespace = (target.flags & ts.SymbolFlags.ValueModule) !== 0;
    const members = isNamespace ? namesOf(checker, target, runtime[name] as Runtime, `${prefix}${name}.`) : [];
    return [`value ${prefix}${name}`, ...members];
  });
}

function listExports(entries: ReadonlyMap<string, readonly [source: string, runtime: Runtime]>): string {
  const program = createProgram(Array.from(entries.values(), ([source]) => source));
  const checker = program.getTypeChecker();
  const blocks = Array.from(entries, ([name, [source, runtime]]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(source)!);
    // `sort` goes by code unit: the same order on every machine.
    const names = module ? namesOf(checker, module, runtime).sort() : [];
    const untyped = Object.keys(runtime).filter((key) => !names.includes(`value ${key}`));
    expect(untyped, `${name} exports values without types`).toEqual([]);
    return [name, ...names.map((line) => `  ${line}`)].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

test('the exported names of every public entry are those of exports.snap.txt', async () => {
  const entries = new Map<string, readonly [string, Runtime]>();
  for (const [name, source] of publicEntries()) {
    entries.set(name, [source, await import(/* @vite-ignore */ pathToFileURL(source).href)]);
  }
  expect(entries.size).toBeGreaterThan(10);
  await expect(listExports(entries)).toMatchFileSnapshot('exports.snap.txt');
});

test('values, types and namespaces are told apart', () => {
  // The entry of tensor has all three; here `compile` is taken away at run time, and becomes a type.
  const source = join(root, 'packages/tensor/src/index.ts');
  const program = createProgram([source]);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(source)!)!;
  const names = namesOf(checker, module, { tensor: () => {}, internals: { makeLeaf: () => {} } });
  expect(names).toEqual(expect.arrayContaining(['value tensor', 'value internals', 'type  Tensor', 'type  compile']));
  expect(names.filter((name) => name.startsWith('value internals.'))).toEqual(['value internals.makeLeaf']);
});
