/** What must hold for the content of a published package. Pure: files in, complaints out. */
import { builtinModules } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

import { root } from '@qkv/checks/examples';
import ts from 'typescript';

/** Path in the package → text. */
export type Files = ReadonlyMap<string, string>;

export function readFiles(folder: string): Files {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return new Map(paths.map((path) => [path.split(sep).join('/'), readFileSync(join(folder, path), 'utf8')]));
}

const belongs =
  /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|dist\/([\w-]+\.(js|js\.map|d\.ts)|kernels-\w+\.wasm))$/;
const ofTests = /\bvitest\b|\bfast-check\b|@qkv\/(goldens|conformance|checks|[a-z]+-config)\b/;

/** Everything that a module or declaration names in imports, from `import('…')` and `/// <reference>` to `declare module`. */
function specifiers(text: string): string[] {
  const { importedFiles, typeReferenceDirectives, referencedFiles } = ts.preProcessFile(text);
  return [
    ...importedFiles.map(({ fileName }) => fileName),
    ...typeReferenceDirectives.map(({ fileName }) => `@types/${fileName}`),
    ...referencedFiles.map(({ fileName }) => fileName),
  ];
}

function* ofManifest(manifest: any, files: Files): Generator<string> {
  const text = JSON.stringify(manifest);
  if (text.includes('@qkv/source')) yield 'package.json leads to sources (@qkv/source); was it packed by pnpm?';
  if (text.includes('workspace:')) yield 'package.json has a workspace: range; was it packed by pnpm?';
  if (text.includes('catalog:')) yield 'package.json has a catalog: range; was it packed by pnpm?';
  const targets = Object.values<any>(manifest.exports ?? {}).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values<string>(entry),
  );
  if (targets.length === 0) yield 'package.json exports nothing';
  for (const target of targets) {
    if (!files.has(posix.normalize(target))) yield `package.json exports ${target}, which is not there`;
  }
  for (const [name, range] of Object.entries<string>(manifest.dependencies ?? {})) {
    if (name.startsWith('@qkv/') && !/^\^\d+\.\d+\.\d+$/.test(range))
      yield `depends on ${name} as ${range}, not ^x.y.z`;
  }
  for (const name of ['install', 'preinstall', 'postinstall', 'prepare']) {
    if (manifest.scripts?.[name]) yield `package.json runs ${name} at whoever installs it`;
  }
}

function* ofModule(path: string, text: string, manifest: any, files: Files): Generator<string> {
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of specifiers(text)) {
    const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
    if (name.startsWith('.')) {
      const target = posix.join(posix.dirname(path), name);
      const found = [target, target.replace(/\.js$/, '.d.ts')].some((candidate) => files.has(candidate));
      if (!found) yield `${path} imports ${name}, which is not there`;
    } else if (builtinModules.includes(name)) {
      yield `${path} imports ${name} without node:`;
    } else if (name.startsWith('node:')) {
      // What only Node has stands in an entry of its own, and in the pieces that this entry shares with no other.
      if (!files.has('dist/node.js') || path === 'dist/index.js') yield `${path} imports ${name}`;
    } else if (!declared.includes(packageName)) {
      yield `${path} imports ${name}, which package.json does not name`;
    }
  }
}

/** A tarball's content → what is wrong with it, one line each. */
export function* inspect(files: Files): Generator<string> {
  const manifest = JSON.parse(files.get('package.json') ?? '{}');
  yield* ofManifest(manifest, files);
  for (const required of ['LICENSE', 'README.md']) if (!files.has(required)) yield `has no ${required}`;
  for (const [path, text] of files) {
    if (!belongs.test(path)) yield `${path} does not belong into a package`;
    if (!path.startsWith('dist/')) continue;
    if (text.includes(root)) yield `${path} names a folder of the machine that built it`;
    if (path.endsWith('.map')) {
      const { sources } = JSON.parse(text);
      for (const source of sources) {
        if (!source.startsWith('../src/') || /\.(test|bench)\./.test(source)) yield `${path} maps ${source}`;
      }
    } else {
      if (ofTests.test(text)) yield `${path} names ${ofTests.exec(text)![0]}, which only tests have`;
      yield* ofModule(path, text, manifest, files);
    }
  }
}

/** The bytes of both builds of the kernels, as they are embedded in @qkv/backend-wasm. */
export function embeddedKernels(files: Files): Record<'fma' | 'nofma', Uint8Array> {
  const bytes = (variant: string) => {
    const path = [...files.keys()].find((name) => name.startsWith(`dist/kernels-${variant}-`) && name.endsWith('.js'));
    return Buffer.from(/["']([A-Za-z0-9+/]{1000,}={0,2})["']/.exec(files.get(path ?? '') ?? '')?.[1] ?? '', 'base64');
  };
  return { fma: bytes('fma'), nofma: bytes('nofma') };
}
