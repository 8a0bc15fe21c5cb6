import { fileURLToPath } from 'node:url';

import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDER = fileURLToPath(new URL('types', import.meta.url));

const PRELUDE = `
import { type Tensor, zeros } from '@qkv/tensor';
import { LayerNorm, Linear } from '@qkv/nn';
declare const x: Tensor<readonly [2, 3]>;
`;

interface Mistake {
  readonly name: string;
  readonly code: string;
  /** All that the compiler says. */
  readonly message: readonly string[];
}

/** Argument and parameter in one line, and below it the sentence by itself. */
function refused(argument: string, parameter: string, sentence: string): string[] {
  return [
    `Argument of type '${argument}' is not assignable to parameter of type '${parameter} & "${sentence}"'.`,
    `  Type '${argument}' is not assignable to type '"${sentence}"'.`,
  ];
}
const tensorRefused = (shape: string, sentence: string): string[] => {
  const argument = `Tensor<readonly ${shape}>`;
  return refused(argument, argument, sentence);
};

const mistakes: readonly Mistake[] = [
  {
    name: 'inner dimensions of a product',
    code: 'x.matmul(zeros([4, 5]))',
    message: tensorRefused('[4, 5]', 'matmul: inner dimensions 3 and 4 differ in [2, 3] × [4, 5]'),
  },
  {
    name: 'a vector in a product',
    code: 'x.matmul(zeros([3]))',
    message: tensorRefused('[3]', 'matmul: needs two matrices, got [2, 3] × [3]'),
  },
  {
    name: 'batch dimensions of a product',
    code: 'zeros([8, 2, 3]).matmul(zeros([7, 3, 2]))',
    message: tensorRefused('[7, 3, 2]', 'matmul: batch dimensions do not broadcast in [8, 2, 3] × [7, 3, 2]'),
  },
  {
    name: 'broadcasting',
    code: 'x.add(zeros([2]))',
    message: tensorRefused('[2]', 'shapes [2, 3], [2] do not broadcast; sizes must be equal or 1, aligned at the right'),
  },
  {
    name: 'another number of elements',
    code: 'zeros([32, 128, 512]).reshape([32, 128, 8, 63])',
    message: refused(
      '[32, 128, 8, 63]',
      'readonly [32, 128, 8, 63]',
      'reshape: [32, 128, 512] has 2097152 elements, [32, 128, 8, 63] has 2064384',
    ),
  },
  {
    name: 'another number of elements, in as many dimensions',
    code: 'zeros([21, 10]).reshape([6, 36])',
    message: refused('[6, 36]', 'readonly [6, 36]', 'reshape: [21, 10] has 210 elements, [6, 36] has 216'),
  },
  {
    name: 'two elements of a scalar',
    code: 'zeros([]).reshape([2, 1])',
    message: refused('[2, 1]', 'readonly [2, 1]', 'reshape: [] has 1 elements, [2, 1] has 2'),
  },
  {
    name: 'no elements',
    code: 'x.reshape([0, 6])',
    message: refused('[0, 6]', 'readonly [0, 6]', 'reshape: [2, 3] has 6 elements, [0, 6] has 0'),
  },
  {
    name: 'expand',
    code: 'x.expand([2, 4])',
    message: refused('[2, 4]', 'readonly [2, 4]', 'expand: [2, 3] does not broadcast to [2, 4]'),
  },
  {
    name: 'the last dimension of Linear',
    code: 'new Linear({ inputs: 256, outputs: 10 }).forward(zeros([2, 7, 100]))',
    message: tensorRefused('[2, 7, 100]', 'Linear: expected last dimension 256, got 100'),
  },
  {
    name: 'the last dimension of LayerNorm',
    code: 'new LayerNorm({ dimension: 256 }).forward(zeros([2, 7, 100]))',
    message: tensorRefused('[2, 7, 100]', 'LayerNorm: expected last dimension 256, got 100'),
  },
  {
    name: 'the result of one layer in the next',
    code: 'new Linear({ inputs: 64, outputs: 10 }).forward(new Linear({ inputs: 3, outputs: 32 }).forward(x))',
    message: tensorRefused('[2, 32]', 'Linear: expected last dimension 64, got 32'),
  },
  {
    name: 'one mistake is one error: what it gives fits everywhere',
    code: 'x.add(zeros([2])).matmul(zeros([4, 5])).reshape([6]).add(zeros([2]).sub(zeros([3])))',
    message: [
      ...tensorRefused('[2]', 'shapes [2, 3], [2] do not broadcast; sizes must be equal or 1, aligned at the right'),
      ...tensorRefused('[3]', 'shapes [2], [3] do not broadcast; sizes must be equal or 1, aligned at the right'),
    ],
  },
];

const OPERATIONS = 1000;

/** A long program: products, broadcasting, reshapes and functions of one element, in many sizes. */
function chain(typeOf: (shape: string) => string, shapeOf: (shape: string) => string): string {
  const lines = [`import type { Tensor } from '@qkv/tensor';`];
  for (let i = 0; i < OPERATIONS / 8; i++) {
    const [T, D] = [5 + i, 64 * (1 + (i % 12))];
    lines.push(
      `declare const x${i}: ${typeOf(`2, ${T}, ${D}`)}, w${i}: ${typeOf(`${D}, ${D}`)}, b${i}: ${typeOf(`${D}`)};`,
      `export const y${i} = x${i}.matmul(w${i}).add(b${i}).tanh().mul(x${i})`,
      `  .reshape(${shapeOf(`2, ${T}, ${D / 16}, 16`)}).mul(0.5).reshape(${shapeOf(`${2 * T}, ${D}`)}).exp();`,
    );
  }
  return lines.join('\n');
}
const typed = chain((shape) => `Tensor<readonly [${shape}]>`, (shape) => `[${shape}]`);
const plain = chain(() => 'Tensor', (shape) => `[${shape}] as readonly number[]`);

const files = new Map<string, string>([
  [`${FOLDER}/plain.ts`, plain],
  [`${FOLDER}/typed.ts`, typed],
  ...mistakes.map(({ code }, i): [string, string] => [`${FOLDER}/mistake-${i}.ts`, `${PRELUDE}export const y = ${code};\n`]),
]);

interface Checked {
  readonly messages: string[];
  readonly instantiations: number;
  /** Of the processor: others may be using the machine. */
  readonly milliseconds: number;
}

/** One program for everything, as the standard library dominates it. */
let check: (name: string) => Checked;

beforeAll(() => {
  const { config } = ts.readConfigFile(`${ROOT}/tsconfig.base.json`, (path) => ts.sys.readFile(path));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const settings: ts.CompilerOptions = { ...options, noEmit: true };
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path);
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version);
  };
  const program = ts.createProgram([...files.keys(), `${FOLDER}/right.ts`], settings, host);
  check = (name) => {
    const file = program.getSourceFile(`${FOLDER}/${name}.ts`)!;
    const [before, start] = [program.getInstantiationCount(), process.cpuUsage()];
    const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return {
      messages: diagnostics.flatMap(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n').split('\n')),
      instantiations: program.getInstantiationCount() - before,
      milliseconds: process.cpuUsage(start).user / 1000,
    };
  };
}, 120_000);

describe('a mistake in a shape is one readable sentence', () => {
  test.each(mistakes)('$name', ({ message, code }) => {
    const name = `mistake-${mistakes.findIndex((mistake) => mistake.code === code)}`;
    expect(check(name).messages).toEqual(message);
  });
});

test('right programs have the exact types of their results', () => {
  expect(check('right').messages).toEqual([]);
});

test(`${OPERATIONS} chained operations cost few instantiations more than without shapes`, () => {
  const without = check('plain');
  const withShapes = check('typed');
  expect([without.messages, withShapes.messages]).toEqual([[], []]);
  const report = ({ instantiations, milliseconds }: Checked): string => `${instantiations} instantiations, ${milliseconds.toFixed(0)} ms`;
  console.log(`${OPERATIONS} typed operations: ${report(withShapes)}; on plain Tensors: ${report(without)}`);
  expect(withShapes.instantiations - without.instantiations).toBeLessThan(200_000);
});
