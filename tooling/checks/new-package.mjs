/**
 * Makes a package that satisfies every check, and writes it down everywhere a package must be written down.
 *
 *   pnpm new:package viz --floor 0 --description "Plain arrays to SVG."
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { floors } from './laws.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const usage = 'usage: pnpm new:package <name> --floor <0-5> --description "One sentence."';
const read = (/** @type {string} */ path) => readFileSync(join(root, path), 'utf8');

/** A mistake of whoever called: one line, no stack. */
class Refusal extends Error {}

function parse() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: { floor: { type: 'string' }, description: { type: 'string' } },
    });
  } catch (error) {
    throw new Refusal(`${/** @type {Error} */ (error).message.split('\n')[0]}; ${usage}`);
  }
  const { positionals, values } = parsed;
  if (positionals.length !== 1 || values.floor === undefined || values.description === undefined)
    throw new Refusal(usage);
  const [name] = positionals;
  const floor = Number(values.floor);
  const description = values.description.trim();
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new Refusal(
      `'${name}' is no name for a package: small letters, digits and single hyphens, as in backend-wasm`,
    );
  if (!/^[0-5]$/.test(values.floor)) throw new Refusal(`'${values.floor}' is no floor: a whole number from 0 to 5`);
  const reserved = /** @type {Record<string, number>} */ (floors)[name];
  if (reserved !== undefined && reserved !== floor)
    throw new Refusal(`${name} is meant for floor ${reserved}, see tooling/checks/laws.mjs`);
  if (!/^[^\n|`\\]{10,160}$/.test(description))
    throw new Refusal('the description must be one line of 10 to 160 characters without | ` and \\');
  const folders = readdirSync(join(root, 'packages'));
  if (existsSync(join(root, 'packages', name))) throw new Refusal(`packages/${name} exists already`);
  if (folders.length >= 18) throw new Refusal('there are 18 packages already, which is the most there may be');
  return { name, floor, description };
}

/** A string literal as oxfmt writes it. */
const quote = (/** @type {string} */ text) => (text.includes("'") ? JSON.stringify(text) : `'${text}'`);

function insertBefore(/** @type {string[]} */ lines, /** @type {number} */ at, /** @type {string} */ line) {
  return [...lines.slice(0, at), line, ...lines.slice(at)].join('\n');
}

/** Behind the last line that `belongs`; those between `from` and `to` count. */
function insertAfterLast(
  /** @type {string} */ text,
  /** @type {RegExp} */ row,
  /** @type {(match: RegExpExecArray) => boolean} */ belongs,
  /** @type {string} */ line,
) {
  const lines = text.split('\n');
  const rows = lines.map((content) => row.exec(content));
  const last = rows.findLastIndex((match) => match !== null && belongs(match));
  const first = rows.findIndex((match) => match !== null);
  return insertBefore(lines, last >= 0 ? last + 1 : first, line);
}

/** @typedef {{ name: string, floor: number, description: string }} Package */

/** @returns {Record<string, string>} */
function filesOf(/** @type {Package} */ { name, description }) {
  const entry = { types: './dist/index.d.ts', import: './dist/index.js' };
  const manifestEntry = { './package.json': './package.json' };
  const manifest = {
    name: `@qkv/${name}`,
    version: '0.1.0',
    description,
    license: 'MIT',
    files: ['dist', 'README.md', 'LICENSE', 'CHANGELOG.md'],
    type: 'module',
    sideEffects: false,
    exports: { '.': { '@qkv/source': './src/index.ts', ...entry }, ...manifestEntry },
    publishConfig: { exports: { '.': entry, ...manifestEntry }, access: 'public' },
    scripts: {
      build: 'tsup',
      prepack: 'node ../../tooling/checks/prepack.mjs',
      test: 'vitest run',
      typecheck: 'tsc --noEmit',
    },
    devDependencies: { '@qkv/tsup-config': 'workspace:*', '@qkv/vitest-config': 'workspace:*' },
    engines: { node: '>=20.19' },
  };
  const literal = quote(description);
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': '{\n  "extends": "../../tooling/tsconfig/library.json",\n  "include": ["src", "test"]\n}\n',
    'tsup.config.ts': "import { library } from '@qkv/tsup-config';\n\nexport default library();\n",
    'vitest.config.ts': "import { project } from '@qkv/vitest-config';\n\nexport default project(import.meta.url);\n",
    LICENSE: read('LICENSE'),
    'src/index.ts': "export { about } from './about';\n",
    'src/about.ts': `/** What this package is for, in one sentence. Stands here until the first real function does. */
export function about(): string {
  return ${literal};
}
`,
    'src/about.test.ts': `import { expect, test } from 'vitest';

import { about } from './about';

test('says what the package is for', () => {
  expect(about()).toBe(${literal});
});
`,
    'README.md': `# @qkv/${name}

${description}

\`\`\`sh
npm install @qkv/${name}
\`\`\`

\`\`\`ts
import { about } from '@qkv/${name}';

console.log(about()); // ${description}
\`\`\`

## What it is not

Finished: name here what belongs to other packages.

## Tests and oracles

\`npx -y pnpm@10.34.9 --filter @qkv/${name} test\`. There are no numbers yet; name here the oracle that they come from.
Changes: [the recipe for a package](../../CONTRIBUTING.md#recipe-a-package).
`,
  };
}

/** Path from the root → new text, of the places where every package is written down. @returns {Record<string, string>} */
function registrations(/** @type {Package} */ { name, floor, description }) {
  const changed = {
    [`.changeset/first-${name}.md`]: `---\n'@qkv/${name}': minor\n---\n\n${description}\n`,
    'README.md': insertAfterLast(
      read('README.md'),
      /^\| (\d) \| \[@qkv\//,
      ([, other]) => Number(other) <= floor,
      `| ${floor} | [@qkv/${name}](packages/${name}) | ${description.replace(/\.$/, '')} |`,
    ),
    'tooling/packaging/src/budgets.ts': insertAfterLast(
      read('tooling/packaging/src/budgets.ts'),
      /^ {2}'@qkv\/([\w-]+)[^']*':/,
      ([, other]) => other < name,
      `  '@qkv/${name}': 1_000,`,
    ),
  };
  if (!(name in floors)) {
    changed['tooling/checks/laws.mjs'] = insertAfterLast(
      read('tooling/checks/laws.mjs'),
      /^ {2}'?[a-z0-9-]+'?: (\d),$/,
      ([, other]) => Number(other) <= floor,
      `  ${name.includes('-') ? `'${name}'` : name}: ${floor},`,
    );
  }
  const blocks = read('tooling/checks/exports.snap.txt').trimEnd().split('\n\n');
  const before = blocks.findIndex((block) => block.split('\n')[0].split('/')[1] > name);
  blocks.splice(before < 0 ? blocks.length : before, 0, `@qkv/${name}\n  value about`);
  changed['tooling/checks/exports.snap.txt'] = `${blocks.join('\n\n')}\n`;
  return changed;
}

try {
  const wanted = parse();
  const home = `packages/${wanted.name}`;
  const own = Object.entries(filesOf(wanted)).map(([path, text]) => [`${home}/${path}`, text]);
  const all = { ...Object.fromEntries(own), ...registrations(wanted) };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(path);
  }
  console.log(`\n${home} is there. Next, in this order:
  npx -y pnpm@10.34.9 --filter @qkv/${wanted.name} test    # installs, which changes pnpm-lock.yaml: commit that too
  put your code in place of src/about.ts, and say in README.md what the package is, is not, and how it is checked
  npx -y pnpm@10.34.9 --filter @qkv/checks test -u    # writes down the exported names`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`new:package: ${error.message}`);
  process.exitCode = 1;
}
