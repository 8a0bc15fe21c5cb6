/** Law 6: the examples of the READMEs are correct, run, and print what they say. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { checkExamples, type Example, extract, type Problem, root } from './examples';

const readmes = [
  'README.md',
  ...readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .map((name) => `packages/${name}/README.md`),
];

/** Blocks, and what must be said about each, in the order of its lines. */
const planted: Record<string, readonly [block: string, complaints: readonly RegExp[]]> = {
  'nothing wrong with what is right': [
    `\`\`\`ts
     const n: number = 3;
     console.log('three', n); // three 3
     for (const i of [1, 2]) console.log([i]); // [ 1 ], [ 2 ]
     console.log('not stated');
     console.log(['a', 'b'].map((x) => x.repeat(40))); // [ '${'a'.repeat(40)}', '${'b'.repeat(40)}' ]
     \`\`\``,
    [],
  ],
  'outputs, types and warnings': [
    `\`\`\`ts
     const text: string = 3;
     console.log(1 + 1, text); // 3 3
     if (Date.now() < 0) console.log(1); // 1
     console.warn('beware');
     \`\`\``,
    [/^writes to stderr: beware/, /^type error: Type 'number'/, /^prints '2 3', not '3 3'/, /^prints '', not '1'/],
  ],
  'an error': ["```ts\nthrow new Error('fell over');\n```", [/^exit code 1: [^]*fell over/]],
  'an exit code': ['```ts\nprocess.exit(3);\n```', [/^exit code 3/]],
  'no output of what is not run': ["Throws.\n\n```ts no-run\nthrow new Error('never');\n```", []],
  'the types of what is not run': [
    "```ts no-run\nimport { nowhere } from '@qkv/data';\n```",
    [/^type error: .*no exported member 'nowhere'/],
  ],
  'languages that would be passed over': [
    '```js\nthrow new Error();\n```\n\n```ts norun\nthrow new Error();\n```',
    [/^a block marked 'js'/, /^a block marked 'ts norun'/],
  ],
};

let examples: Example[];
let problems: Problem[];
const folder = mkdtempSync(join(tmpdir(), 'qkv-planted-'));
const plantedPath = (name: string) => join(folder, `${name.replaceAll(' ', '-')}.md`);

beforeAll(async () => {
  for (const [name, [block]] of Object.entries(planted)) writeFileSync(plantedPath(name), `# Planted\n\n${block}\n`);
  try {
    const files = [...readmes.map((path) => join(root, path)), ...Object.keys(planted).map(plantedPath)];
    ({ examples, problems } = await checkExamples(files));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);

test.each(readmes)('%s: its examples are right', (path) => {
  expect(
    problems.filter(({ file }) => file === path).map(({ line, message }) => `${path}:${line}: ${message}`),
  ).toEqual([]);
});

test.each(readmes)('%s: has an example that runs', (path) => {
  expect(examples.filter(({ file, runs }) => file === path && runs).length).toBeGreaterThan(0);
});

describe('the check itself finds', () => {
  test.each(Object.entries(planted))('%s', (name, [, complaints]) => {
    const file = relative(root, plantedPath(name)).split(sep).join('/');
    const messages = problems.filter((problem) => problem.file === file).map(({ message }) => message);
    expect(messages).toEqual(complaints.map((complaint) => expect.stringMatching(complaint)));
  });

  test('blocks inside of longer fences to be text, and an open fence to end with the file', () => {
    expect(extract('a.md', '````md\n```ts\nthrow 1;\n```\n````\n').examples).toEqual([]);
    expect(extract('a.md', 'x\n```ts\nthrow 1;').examples).toEqual([
      { file: 'a.md', line: 2, code: 'throw 1;', runs: true },
    ]);
  });
});
