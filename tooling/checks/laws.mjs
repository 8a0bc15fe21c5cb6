/**
 * The laws of the house that a machine can read off the sources.
 * Every law takes a tree (path → text), so that laws.test.ts can plant a violation in memory and see it found.
 *
 *   node tooling/checks/laws.mjs
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import ts from 'typescript';

/** A package may import only from floors below its own. A package that is not in this table is a violation. */
export const floors = {
  tensor: 0,
  tokenizers: 0,
  safetensors: 0,
  viz: 0,
  autograd: 1,
  'backend-wasm': 1,
  'backend-webgpu': 1,
  'backend-native': 1,
  data: 1,
  nn: 2,
  optim: 2,
  attention: 3,
  seq2seq: 4,
  vit: 4,
  training: 5,
};

/** Packages of models, which the loop of training does without although they are on floors below it. */
const modelPackages = ['seq2seq', 'vit'];

/** Packages without third-party run-time dependencies. */
const dependencyFree = ['tensor', 'autograd', 'nn', 'attention', 'seq2seq', 'vit'];

/**
 * @typedef {Map<string, string>} Tree path from the root, with forward slashes → text
 * @typedef {{ file: string, line?: number, message: string }} Violation
 * @typedef {{ kind: string, folder: string, dir: string, name: string, manifest: any, sources: Source[] }} Member
 * @typedef {{ path: string, ast: ts.SourceFile, isTest: boolean, isNodeEntry: boolean }} Source
 * @typedef {{ tree: Tree, members: Member[], byName: Map<string, Member> }} Workspace
 * @typedef {{ title: string, check: (workspace: Workspace) => Violation[] }} Law
 */

const skippedFolders = new Set(['node_modules', 'dist', '.turbo', '.git', 'assembly', 'coverage']);

/** @returns {Tree} */
export function readTree(/** @type {string} */ root) {
  const tree = new Map();
  const walk = (/** @type {string} */ folder, depth = 0) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      // A package may be called `data`, so the names above are skipped only inside of one.
      if (entry.isDirectory() && !(depth > 0 && skippedFolders.has(entry.name))) walk(path, depth + 1);
      if (entry.isFile() && /(\.[cm]?[jt]s|\/package\.json|\/README\.md|\/LICENSE)$/.test(path)) {
        tree.set(path, readFileSync(join(root, path), 'utf8'));
      }
    }
  };
  for (const folder of ['packages', 'apps', 'tooling']) walk(folder);
  for (const file of ['package.json', 'pnpm-lock.yaml', 'CONTRIBUTING.md'])
    tree.set(file, readFileSync(join(root, file), 'utf8'));
  return tree;
}

/** @returns {Workspace} */
function parse(/** @type {Tree} */ tree) {
  /** @type {Member[]} */
  const members = [];
  for (const [path, text] of tree) {
    const match = /^(packages|apps|tooling)\/([^/]+)\/package\.json$/.exec(path);
    if (!match) continue;
    const manifest = JSON.parse(text);
    members.push({ kind: match[1], folder: match[2], dir: dirname(path), name: manifest.name, manifest, sources: [] });
  }
  for (const [path, text] of tree) {
    const member = members.find(({ dir }) => path.startsWith(`${dir}/src/`) || path.startsWith(`${dir}/test/`));
    if (!member || !/\.[cm]?[jt]s$/.test(path)) continue;
    const inside = path.slice(member.dir.length + 1);
    member.sources.push({
      path,
      ast: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
      isTest: inside.startsWith('test/') || /\.(test|test-d|bench)\.[cm]?[jt]s$/.test(inside),
      isNodeEntry: inside === 'src/node.ts' || inside.startsWith('src/node/'),
    });
  }
  return { tree, members, byName: new Map(members.map((member) => [member.name, member])) };
}

function* nodes(/** @type {ts.Node} */ root) {
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    yield node;
    ts.forEachChild(node, (child) => void stack.push(child));
  }
}

const stringIn = (/** @type {ts.Node | undefined} */ node) => {
  if (!node) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  // A specifier put together at run time: its first literal piece tells enough.
  for (const inner of nodes(node)) {
    if (ts.isStringLiteralLike(inner) || ts.isTemplateHead(inner)) return inner.text;
  }
  return undefined;
};

/** Every module that a file names: static, type-only, dynamic, `require`, `import.meta.resolve`, `import('x').T`. */
function* specifiers(/** @type {ts.SourceFile} */ ast) {
  for (const node of nodes(ast)) {
    /** @type {string | undefined} */
    let name;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) name = stringIn(node.moduleSpecifier);
    else if (ts.isExternalModuleReference(node)) name = stringIn(node.expression);
    else if (ts.isImportTypeNode(node)) name = stringIn(node.argument);
    else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      if (
        callee.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(callee) && callee.text === 'require') ||
        callee.getText(ast) === 'import.meta.resolve'
      ) {
        name = stringIn(node.arguments[0]);
      }
    }
    if (name !== undefined) yield { name, node };
  }
}

/** @returns {Violation} */
const at = (/** @type {Source} */ source, /** @type {ts.Node} */ node, /** @type {string} */ message) => ({
  file: source.path,
  line: source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line + 1,
  message,
});

const packagesOf = (/** @type {Workspace} */ { members }) => members.filter(({ kind }) => kind === 'packages');
const shipped = (/** @type {Member} */ member) => member.sources.filter(({ isTest }) => !isTest);
const bareName = (/** @type {string} */ specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
const isBuiltin = (/** @type {string} */ name) => name.startsWith('node:') || builtinModules.includes(name);
const floorOf = (/** @type {Member} */ member) => floors[/** @type {keyof typeof floors} */ (member.folder)];
const runtimeDependencies = (/** @type {any} */ manifest) =>
  Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies });

/** @type {Law} */
const downward = {
  title: 'law 1: imports go downward only, through public entries',
  check(workspace) {
    const { members, byName } = workspace;
    /** @type {Violation[]} */
    const found = [];
    const names = [...byName.keys()];

    /** Why may `from` not import `to`? */
    const reason = (/** @type {Member} */ from, /** @type {Member} */ to, /** @type {boolean} */ isTest) => {
      if (to.kind === 'apps') return `${to.name} is an app, and apps are never imported`;
      if (from.kind !== 'packages') return undefined;
      if (to.kind === 'tooling') return isTest ? undefined : `${to.name} is tooling, which only tests may import`;
      if (from.folder === 'training' && modelPackages.includes(to.folder)) {
        return `${from.name} is given a step and knows no model, so it may not use ${to.name}`;
      }
      if (from === to) return isTest ? undefined : 'a package does not import itself by name';
      if (floorOf(to) < floorOf(from)) return undefined;
      return `${from.name} (floor ${floorOf(from)}) may not use ${to.name} (floor ${floorOf(to)})`;
    };

    for (const member of members) {
      const manifestPath = `${member.dir}/package.json`;
      const { manifest } = member;
      if (member.kind === 'packages' && floorOf(member) === undefined) {
        found.push({ file: manifestPath, message: `${member.folder} has no floor in tooling/checks/laws.mjs` });
        continue;
      }
      for (const [dependencies, isTest] of /** @type {const} */ ([
        [runtimeDependencies(manifest), false],
        [Object.keys(manifest.devDependencies ?? {}), true],
      ])) {
        for (const name of dependencies) {
          const target = byName.get(name);
          const why = target && reason(member, target, isTest);
          if (why) found.push({ file: manifestPath, message: why });
        }
      }
      for (const source of member.sources) {
        for (const { name, node } of specifiers(source.ast)) {
          if (name.startsWith('.')) {
            const path = posix.join(posix.dirname(source.path), name);
            const home = `${member.dir}/`;
            if (!path.startsWith(home) || path.startsWith(`${home}dist/`)) {
              found.push(at(source, node, `'${name}' leaves the package; import it by its name`));
            }
            continue;
          }
          if (name.startsWith('/') || name.startsWith('file:')) {
            found.push(at(source, node, `'${name}' is an absolute path`));
            continue;
          }
          if (isBuiltin(name)) continue;
          const packageName = bareName(name);
          const target = byName.get(packageName);
          if (!target && packageName.startsWith('@qkv/')) {
            found.push(at(source, node, `there is no ${packageName}; the workspace has ${names.join(', ')}`));
            continue;
          }
          if (target) {
            const why = reason(member, target, source.isTest);
            if (why) found.push(at(source, node, why));
            const entry = `.${name.slice(packageName.length)}`;
            const entries = Object.keys(target.manifest.exports ?? {});
            const isPublic = entries.some(
              (key) => key === entry || (key.includes('*') && entry.startsWith(key.split('*')[0])),
            );
            if (!isPublic) found.push(at(source, node, `'${name}' is not a public entry of ${packageName}`));
          }
          if (member.kind === 'packages' && target !== member) {
            const declared = source.isTest
              ? [
                  ...runtimeDependencies(manifest),
                  ...Object.keys(manifest.devDependencies ?? {}),
                  ...rootTools(workspace),
                ]
              : runtimeDependencies(manifest);
            if (!declared.includes(packageName)) {
              found.push(at(source, node, `${packageName} is not among the dependencies of ${member.name}`));
            }
          }
        }
      }
    }
    return found;
  },
};

const rootTools = (/** @type {Workspace} */ { tree }) =>
  Object.keys(JSON.parse(tree.get('package.json') ?? '{}').devDependencies ?? {});

/** @type {Law} */
const noBackend = {
  title: 'law 2: tensor never names a backend',
  check(workspace) {
    /** @type {Violation[]} */
    const found = [];
    const tensor = packagesOf(workspace).find(({ folder }) => folder === 'tensor');
    if (!tensor) return found;
    const { dependencies, devDependencies, peerDependencies, optionalDependencies } = tensor.manifest;
    for (const name of Object.keys({
      ...dependencies,
      ...devDependencies,
      ...peerDependencies,
      ...optionalDependencies,
    })) {
      if (name.includes('backend-')) found.push({ file: `${tensor.dir}/package.json`, message: `depends on ${name}` });
    }
    for (const source of tensor.sources) {
      for (const node of nodes(source.ast)) {
        // A sentence for people may say which line to add; a module name or an identifier is a reference.
        const named =
          (ts.isStringLiteralLike(node) && /^[\w@./-]*backend-(wasm|webgpu|native)[\w./-]*$/.test(node.text)) ||
          (ts.isIdentifier(node) && /^use(Wasm|Web[Gg]pu|WebGPU|Native)$/.test(node.text));
        if (named) found.push(at(source, node, `names a backend: ${node.getText(source.ast)}`));
      }
    }
    return found;
  },
};

/** @type {Law} */
const noNode = {
  title: 'law 3: no node: import outside of ./node entry points and backend-native',
  check(workspace) {
    /** @type {Violation[]} */
    const found = [];
    for (const member of packagesOf(workspace)) {
      if (member.folder === 'backend-native') continue;
      for (const source of shipped(member)) {
        if (source.isNodeEntry) continue;
        for (const { name, node } of specifiers(source.ast)) {
          if (isBuiltin(name)) found.push(at(source, node, `imports '${name}'`));
          const path = posix.join(posix.dirname(source.path), name).slice(member.dir.length + 1);
          if (name.startsWith('.') && /^src\/node(\.[jt]s|\/.*)?$/.test(path)) {
            found.push(at(source, node, `imports the ./node entry '${name}'`));
          }
        }
        for (const reference of source.ast.typeReferenceDirectives) {
          if (reference.fileName === 'node')
            found.push({ file: source.path, message: "refers to the types of 'node'" });
        }
      }
    }
    return found;
  },
};

const globals = new Set(
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => /^[A-Z]/.test(name))
    .concat('Worker', 'SharedWorker', 'Blob', 'File', 'ImageData', 'OffscreenCanvas', 'HTMLElement', 'Element', 'Node'),
);

/** @type {Law} */
const noInstanceof = {
  title: 'law 4: tensors and the like are recognised by a Symbol.for brand, never by instanceof',
  check(workspace) {
    /** @type {Violation[]} */
    const found = [];
    for (const source of packagesOf(workspace).flatMap(shipped)) {
      /** @type {Map<string, 'here' | 'elsewhere'>} names that the file binds, and whether they are of this package */
      const own = new Map();
      for (const node of nodes(source.ast)) {
        if (
          (ts.isClassLike(node) ||
            ts.isImportClause(node) ||
            ts.isImportSpecifier(node) ||
            ts.isVariableDeclaration(node) ||
            ts.isParameter(node)) &&
          node.name &&
          ts.isIdentifier(node.name)
        ) {
          let from = /** @type {ts.Node} */ (node);
          while (!ts.isImportDeclaration(from) && !ts.isSourceFile(from)) from = from.parent;
          const outside = ts.isImportDeclaration(from) && !stringIn(from.moduleSpecifier)?.startsWith('.');
          own.set(node.name.text, outside ? 'elsewhere' : 'here');
        }
      }
      for (const node of nodes(source.ast)) {
        if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.InstanceOfKeyword) continue;
        const right = node.right.getText(source.ast).replace(/^globalThis\./, '');
        const root = right.split('.')[0];
        // Classes of the platform exist once in a process; ours exist once for each copy of a package.
        // An error that the same package threw comes from the same copy.
        if (own.get(right) === 'here' && /^[A-Z]\w*Error$/.test(right)) continue;
        if (!globals.has(root) || own.has(root))
          found.push(at(source, node, `'instanceof ${right}' fails between two copies of a package`));
      }
    }
    return found;
  },
};

/** @type {Law} */
const noClock = {
  title: 'randomness is counter-based: no Math.random in packages/, and no clock but in clock.ts, for profiles',
  check(workspace) {
    const banned = new Map([
      ['Math', ['random']],
      ['Date', ['now']],
      ['performance', ['now', 'timeOrigin']],
      ['crypto', ['getRandomValues', 'randomUUID']],
    ]);
    /** @type {Violation[]} */
    const found = [];
    for (const source of packagesOf(workspace).flatMap(shipped)) {
      if (/^packages\/[\w-]+\/src\/clock\.ts$/.test(source.path)) continue;
      for (const node of nodes(source.ast)) {
        /** @type {[ts.Node, string | undefined][]} object and member */
        const uses = [];
        if (ts.isPropertyAccessExpression(node)) uses.push([node.expression, node.name.text]);
        if (ts.isElementAccessExpression(node)) uses.push([node.expression, stringIn(node.argumentExpression)]);
        if (ts.isVariableDeclaration(node) && node.initializer && ts.isObjectBindingPattern(node.name)) {
          for (const element of node.name.elements) {
            uses.push([node.initializer, (element.propertyName ?? element.name).getText(source.ast)]);
          }
        }
        for (const [object, member] of uses) {
          const name = object.getText(source.ast).replace(/^globalThis\??\./, '');
          if (member && banned.get(name)?.includes(member)) found.push(at(source, node, `uses ${name}.${member}`));
        }
        const callsDate =
          (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
          !node.arguments?.length &&
          node.expression.getText(source.ast) === 'Date';
        if (callsDate) found.push(at(source, node, 'reads the clock'));
      }
    }
    return found;
  },
};

/** @type {Law} */
const noThirdParty = {
  title: `law 5: no third-party run-time dependency in ${dependencyFree.join(', ')}`,
  check(workspace) {
    return packagesOf(workspace)
      .filter(({ folder }) => dependencyFree.includes(folder))
      .flatMap(({ dir, manifest }) =>
        runtimeDependencies(manifest)
          .filter((name) => !name.startsWith('@qkv/'))
          .map((name) => ({ file: `${dir}/package.json`, message: `depends on ${name}` })),
      );
  },
};

/** What a README says under "Tests and oracles". */
const testsAndOracles = (/** @type {string} */ readme) =>
  /^## Tests and oracles$([^]*?)(?=^## |(?![^]))/m.exec(readme)?.[1] ?? '';

/** @type {Law} */
const manifests = {
  title: 'law 6: every package is ESM, typed, free of side effects, licensed, packed by pnpm, and has a full README',
  check(workspace) {
    const recipes = Array.from(
      (workspace.tree.get('CONTRIBUTING.md') ?? '').matchAll(/^## (Recipe: .+)$/gm),
      ([, title]) =>
        title
          .toLowerCase()
          .replaceAll(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
    );
    return packagesOf(workspace).flatMap(({ dir, folder, manifest }) => {
      const published = manifest.publishConfig?.exports ?? {};
      const hasSource = (/** @type {any} */ entry) => typeof entry === 'object' && '@qkv/source' in entry;
      const entries = Object.entries(manifest.exports ?? {}).filter(([key]) => key !== './package.json');
      const tests = testsAndOracles(workspace.tree.get(`${dir}/README.md`) ?? '');
      /** @type {[boolean, string][]} */
      const rules = [
        [manifest.name === `@qkv/${folder}`, `is not called @qkv/${folder}`],
        [manifest.type === 'module', 'is not an ES module'],
        [manifest.license === 'MIT', 'has another licence than MIT'],
        [manifest.sideEffects === false, 'does not declare sideEffects: false'],
        [manifest.private !== true && manifest.publishConfig?.access === 'public', 'is not public'],
        [Boolean(manifest.exports?.['.']), 'has no main entry'],
        [
          entries.every(([, entry]) => hasSource(entry) && entry.types && entry.import),
          'has an entry without source, types or import',
        ],
        [entries.every(([key]) => published[key]?.types), 'has an entry that is not published with types'],
        [!Object.values(published).some(hasSource), 'publishes the source condition'],
        [workspace.tree.has(`${dir}/README.md`), 'has no README.md'],
        [tests !== '', 'has no section "Tests and oracles" in its README.md'],
        [tests.includes(`--filter ${manifest.name} test`), 'does not say in its README.md how to run its tests alone'],
        [
          recipes.some((recipe) => tests.includes(`../../CONTRIBUTING.md#${recipe})`)),
          'does not name a recipe of CONTRIBUTING.md in its README.md',
        ],
        [workspace.tree.has(`${dir}/LICENSE`), 'has no LICENSE'],
        [
          manifest.scripts?.prepack === 'node ../../tooling/checks/prepack.mjs',
          'does not keep npm from packing it (prepack)',
        ],
      ];
      return rules.filter(([holds]) => !holds).map(([, message]) => ({ file: `${dir}/package.json`, message }));
    });
  },
};

/** @type {Law} */
const noHosts = {
  title: 'pnpm-lock.yaml names no host',
  check({ tree }) {
    const lines = (tree.get('pnpm-lock.yaml') ?? '').split('\n');
    return lines.flatMap((text, index) =>
      /\w:\/\/|(^|[\s'"{,])git@[a-z]|\btarball:/.test(text)
        ? [{ file: 'pnpm-lock.yaml', line: index + 1, message: `names a host: ${text.trim()}` }]
        : [],
    );
  },
};

/** @type {Record<string, Law>} */
export const laws = { downward, noBackend, noNode, noInstanceof, noClock, noThirdParty, manifests, noHosts };

/** The violations of each law. */
export function checkLaws(/** @type {Tree} */ tree) {
  const workspace = parse(tree);
  return Object.entries(laws).map(([id, { title, check }]) => ({ id, title, violations: check(workspace) }));
}

/** Prints the laws and says how many hold. */
export function reportLaws(/** @type {string} */ root) {
  const results = checkLaws(readTree(root));
  for (const { title, violations } of results) {
    console.log(`${violations.length === 0 ? '✓' : '✗'} ${title}`);
    for (const { file, line, message } of violations) console.log(`    ${file}${line ? `:${line}` : ''}: ${message}`);
  }
  const failed = results.filter(({ violations }) => violations.length > 0).length;
  return { passed: results.length - failed, failed };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { failed } = reportLaws(fileURLToPath(new URL('../..', import.meta.url)));
  process.exitCode = failed === 0 ? 0 : 1;
}
