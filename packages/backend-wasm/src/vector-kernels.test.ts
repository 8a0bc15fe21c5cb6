import { expect, test } from 'vitest';

import { runKernel, sampler, type Argument } from './testing';

const random = sampler(29);
const SIZES = [
  [1, 1],
  [3, 2],
  [5, 7],
  [70, 33],
  [130, 16],
  [4, 1030],
  [2, 2500],
  [0, 5],
];

/** Every element within `tolerance` times the larger of one and the expected magnitude. */
function close(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  for (let i = 0; i < wanted.length; i++) {
    if (
      Object.is(actual[i], wanted[i]) ||
      Math.abs(actual[i] - wanted[i]) <= tolerance * Math.max(1, Math.abs(wanted[i]))
    )
      continue;
    throw new Error(`${what}[${i}] is ${actual[i]}, should be ${wanted[i]}`);
  }
}

/** Applies `f` to each row; `f` gets the row of each table and its number. */
function byRow(
  tables: readonly ArrayLike<number>[],
  rows: number,
  columns: number,
  f: (rows: number[][], row: number) => number[],
): number[] {
  return Array.from({ length: rows }, (_, r) =>
    f(
      tables.map((t) => Array.from({ length: columns }, (_, c) => t[r * columns + c])),
      r,
    ),
  ).flat();
}
const total = (xs: readonly number[]): number => xs.reduce((x, y) => x + y, 0);
const dot = (xs: readonly number[], ys: readonly number[]): number => total(xs.map((x, i) => x * ys[i]));

/** Sums of the columns of a table. */
function columnSums(table: readonly number[], columns: number): number[] {
  const sums = new Array<number>(columns).fill(0);
  table.forEach((v, i) => (sums[i % columns] += v));
  return sums;
}

function softmaxOf(x: readonly number[]): number[] {
  const largest = x.reduce((p, q) => Math.max(p, q), -Infinity);
  if (largest === -Infinity) return x.map(() => 0);
  const e = x.map((v) => Math.exp(v - largest));
  const sum = total(e);
  return e.map((v) => v / sum);
}
function lseOf(x: readonly number[]): number {
  const largest = x.reduce((p, q) => Math.max(p, q), -Infinity);
  return largest + Math.log(total(x.map((v) => Math.exp(v - largest))));
}

test.each(SIZES)('softmax and its gradient, %i × %i', async (rows, columns) => {
  const shape = [rows, columns];
  const x = random.array(rows * columns).map((v) => 8 * v);
  x.forEach((_, i) => random.int(5) === 0 && (x[i] = -Infinity));
  if (rows > 2) x.fill(-Infinity, columns, 2 * columns);
  const dy = random.array(rows * columns);
  const expected = byRow([x], rows, columns, ([row]) => softmaxOf(row));
  for (const [y] of Object.values(await runKernel('softmax', [{ shape, data: x }], [{ shape }])))
    close(y, expected, 4e-7, 'y');
  const y = Float32Array.from(expected);
  const gradient = byRow([y, dy], rows, columns, ([p, g]) => {
    const along = dot(p, g);
    return p.map((v, i) => v * (g[i] - along));
  });
  for (const [dx] of Object.values(
    await runKernel(
      'softmaxBackward',
      [
        { shape, data: y },
        { shape, data: dy },
      ],
      [{ shape }],
    ),
  ))
    close(dx, gradient, 4e-7, 'dx');
});

test.each(SIZES)('logSoftmax and its gradient, %i × %i', async (rows, columns) => {
  const shape = [rows, columns];
  const x = random.array(rows * columns).map((v) => 8 * v);
  const dy = random.array(rows * columns);
  const expected = byRow([x], rows, columns, ([row]) => {
    const lse = lseOf(row);
    return row.map((v) => v - lse);
  });
  for (const [y] of Object.values(await runKernel('logSoftmax', [{ shape, data: x }], [{ shape }])))
    close(y, expected, 4e-7, 'y');
  const y = Float32Array.from(expected);
  const gradient = byRow([y, dy], rows, columns, ([p, g]) => {
    const sum = total(g);
    return p.map((v, i) => g[i] - Math.exp(v) * sum);
  });
  for (const [dx] of Object.values(
    await runKernel(
      'logSoftmaxBackward',
      [
        { shape, data: y },
        { shape, data: dy },
      ],
      [{ shape }],
    ),
  ))
    close(dx, gradient, 2e-6, 'dx');
});

test('NaN in a row of softmax stays in the row', async () => {
  const x = Float32Array.from([1, NaN, 2, 3, 4, 5, NaN, NaN, NaN, -Infinity, NaN, -Infinity]);
  for (const [y] of Object.values(await runKernel('softmax', [{ shape: [4, 3], data: x }], [{ shape: [4, 3] }]))) {
    expect(Array.from(y, Number.isNaN)).toEqual(Array.from('yyynnnyyyyyy', (letter) => letter === 'y'));
  }
});

test('masked columns and neighbours change no bit of a softmax', async () => {
  for (const n of [1, 5, 16, 100, 1023, 1500]) {
    const row = random.array(n).map((v) => 5 * v);
    const alone = await runKernel('softmax', [{ shape: [1, n], data: row }], [{ shape: [1, n] }]);
    const wide = random.array(3 * (n + 300)).fill(-Infinity);
    wide.set(row, n + 300);
    wide.set(random.array(n), 0);
    const among = await runKernel('softmax', [{ shape: [3, n + 300], data: wide }], [{ shape: [3, n + 300] }]);
    for (const numerics of ['fma', 'nofma'] as const)
      expect(among[numerics][0].slice(n + 300, n + 300 + n)).toEqual(alone[numerics][0]);
  }
});

test.each(SIZES)('layerNorm and its gradient, %i × %i', async (rows, columns) => {
  const shape = [rows, columns];
  const epsilon = 1e-5;
  const x = random.array(rows * columns).map((v) => 3 * v + 1);
  const dy = random.array(rows * columns);
  const gain = random.array(columns).map((v) => v + 1.5);
  const bias = random.array(columns);
  const stats = (row: number[]): [mean: number, rstd: number] => {
    const mean = total(row) / columns;
    return [mean, 1 / Math.sqrt(total(row.map((v) => (v - mean) ** 2)) / columns + epsilon)];
  };
  const expected = byRow([x], rows, columns, ([row]) => {
    const [mean, rstd] = stats(row);
    return row.map((v, i) => (v - mean) * rstd * gain[i] + bias[i]);
  });
  const means = byRow([x], rows, columns, ([row]) => [stats(row)[0]]);
  const rstds = byRow([x], rows, columns, ([row]) => [stats(row)[1]]);
  const table = { shape, data: x };
  const parameters = [gain, bias].map((data) => ({ shape: [columns], data }));
  const rowWise = { shape: [rows] };
  if (columns > 1) {
    for (const [y, mean, rstd] of Object.values(
      await runKernel('layerNorm', [table, ...parameters], [{ shape }, rowWise, rowWise], { epsilon }),
    )) {
      close(y, expected, 2e-6, 'y');
      close(mean, means, 1e-6, 'mean');
      close(rstd, rstds, 1e-6, 'rstd');
    }
  }

  const mean = Float32Array.from(means);
  const rstd = Float32Array.from(rstds, (v) => Math.min(v, 10));
  const normal = byRow([x], rows, columns, ([row], r) => row.map((v) => (v - mean[r]) * rstd[r]));
  const dx = byRow([normal, dy], rows, columns, ([h, d], r) => {
    const g = d.map((v, i) => v * gain[i]);
    const [meanG, along] = [total(g) / columns, dot(g, h) / columns];
    return g.map((v, i) => rstd[r] * (v - meanG - h[i] * along));
  });
  const dgain = columnSums(
    normal.map((h, i) => h * dy[i]),
    columns,
  );
  const dbias = columnSums([...dy], columns);
  const inputs: Argument[] = [
    table,
    parameters[0],
    { ...rowWise, data: mean },
    { ...rowWise, data: rstd },
    { shape, data: dy },
  ];
  for (const results of Object.values(
    await runKernel('layerNormBackward', inputs, [{ shape }, { shape: [columns] }, { shape: [columns] }], { epsilon }),
  )) {
    close(results[0], dx, 3e-6, 'dx');
    close(results[1], dgain, 1e-5, 'dgain');
    close(results[2], dbias, 1e-5, 'dbias');
  }
});

test.each(SIZES)('rmsNorm and its gradient, %i × %i', async (rows, columns) => {
  const shape = [rows, columns];
  const epsilon = 1e-6;
  const x = random.array(rows * columns).map((v) => 3 * v + 1);
  const dy = random.array(rows * columns);
  const gain = random.array(columns).map((v) => v + 1.5);
  const rstdOf = (row: number[]): number => 1 / Math.sqrt(dot(row, row) / columns + epsilon);
  const expected = byRow([x], rows, columns, ([row]) => {
    const rstd = rstdOf(row);
    return row.map((v, i) => v * rstd * gain[i]);
  });
  const rstds = byRow([x], rows, columns, ([row]) => [rstdOf(row)]);
  const table = { shape, data: x };
  const scale = { shape: [columns], data: gain };
  for (const [y, rstd] of Object.values(
    await runKernel('rmsNorm', [table, scale], [{ shape }, { shape: [rows] }], { epsilon }),
  )) {
    close(y, expected, 2e-6, 'y');
    close(rstd, rstds, 1e-6, 'rstd');
  }
  const rstd = Float32Array.from(rstds, (v) => Math.min(v, 10));
  const normal = byRow([x], rows, columns, ([row], r) => row.map((v) => v * rstd[r]));
  const dx = byRow([normal, dy], rows, columns, ([h, d], r) => {
    const g = d.map((v, i) => v * gain[i]);
    const along = dot(g, h) / columns;
    return g.map((v, i) => rstd[r] * (v - h[i] * along));
  });
  const dgain = columnSums(
    normal.map((h, i) => h * dy[i]),
    columns,
  );
  const inputs: Argument[] = [table, scale, { shape: [rows], data: rstd }, { shape, data: dy }];
  for (const results of Object.values(
    await runKernel('rmsNormBackward', inputs, [{ shape }, { shape: [columns] }], { epsilon }),
  )) {
    close(results[0], dx, 3e-6, 'dx');
    close(results[1], dgain, 1e-5, 'dgain');
  }
});

test('rows appended with zero gradients change no bit of the gradients of gain and bias', async () => {
  const [rows, columns, more] = [75, 37, 90];
  const x = random.array((rows + more) * columns);
  const dy = new Float32Array((rows + more) * columns);
  dy.set(random.array(rows * columns));
  const mean = random.array(rows + more);
  const gain = random.array(columns);
  const run = (n: number): ReturnType<typeof runKernel> => {
    const data = (table: Float32Array, width: number): Float32Array => table.slice(0, n * width);
    const inputs = [
      { shape: [n, columns], data: data(x, columns) },
      { shape: [columns], data: gain },
      { shape: [n], data: data(mean, 1) },
      { shape: [n], data: data(mean, 1) },
      { shape: [n, columns], data: data(dy, columns) },
    ];
    return runKernel(
      'layerNormBackward',
      inputs,
      [{ shape: [n, columns] }, { shape: [columns] }, { shape: [columns] }],
      { epsilon: 1e-5 },
    );
  };
  const [few, many] = [await run(rows), await run(rows + more)];
  for (const numerics of ['fma', 'nofma'] as const) {
    for (const output of [1, 2]) expect(many[numerics][output]).toEqual(few[numerics][output]);
    expect(many[numerics][0].slice(0, rows * columns)).toEqual(few[numerics][0]);
  }
});

test.each(SIZES)('crossEntropy and its gradient, %i × %i', async (rows, columns) => {
  const shape = [rows, columns];
  const ignoreIndex = -100;
  const x = random.array(rows * columns).map((v) => 6 * v);
  const targets = Int32Array.from({ length: rows }, () => (random.int(5) === 0 ? ignoreIndex : random.int(columns)));
  const dloss = random.array(rows);
  const lses = byRow([x], rows, columns, ([row]) => [lseOf(row)]);
  for (const smoothing of [0, 0.1]) {
    const losses = byRow([x], rows, columns, ([row], r) => [
      targets[r] === ignoreIndex
        ? 0
        : (1 - smoothing) * (lses[r] - row[targets[r]]) + smoothing * (lses[r] - total(row) / columns),
    ]);
    const attributes = { smoothing, ignoreIndex };
    const ids: Argument = { shape: [rows], dtype: 'int32', data: targets };
    for (const [loss, lse] of Object.values(
      await runKernel('crossEntropy', [{ shape, data: x }, ids], [{ shape: [rows] }, { shape: [rows] }], attributes),
    )) {
      close(loss, losses, 1e-6, 'loss');
      close(lse, lses, 1e-6, 'lse');
    }
    const gradient = byRow([x], rows, columns, ([row], r) =>
      row.map((v, i) =>
        targets[r] === ignoreIndex
          ? 0
          : dloss[r] * (Math.exp(v - lses[r]) - (i === targets[r] ? 1 - smoothing : 0) - smoothing / columns),
      ),
    );
    const inputs: Argument[] = [
      { shape, data: x },
      ids,
      { shape: [rows], data: Float32Array.from(lses) },
      { shape: [rows], data: dloss },
    ];
    for (const [dx] of Object.values(await runKernel('crossEntropyBackward', inputs, [{ shape }], attributes)))
      close(dx, gradient, 1e-6, 'dx');
  }
});

test('a target outside the classes is named', async () => {
  const inputs: Argument[] = [
    { shape: [2, 3], data: random.array(6) },
    { shape: [2], dtype: 'int32', data: Int32Array.from([1, 3]) },
  ];
  const outputs = [{ shape: [2] }, { shape: [2] }];
  await expect(runKernel('crossEntropy', inputs, outputs, { smoothing: 0, ignoreIndex: -1 })).rejects.toThrow(
    'target 3 of row 1 is outside 0 … 2',
  );
});

test('adamW, in place or not', async () => {
  for (const decoupled of [true, false]) {
    for (const n of [0, 1, 3, 64, 1031]) {
      const shape = [n];
      const [p, g, m] = [random.array(n), random.array(n), random.array(n)];
      const v = random.array(n).map(Math.abs);
      const [beta1, beta2, epsilon, weightDecay, lr, c1, c2, scale] = [
        0.9, 0.98, 1e-9, 0.01, 0.003, 0.271, 0.0588, 0.5,
      ];
      const expected: number[][] = [[], [], []];
      for (let i = 0; i < n; i++) {
        const gradient = g[i] * scale + (decoupled ? 0 : weightDecay * p[i]);
        const m2 = beta1 * m[i] + (1 - beta1) * gradient;
        const v2 = beta2 * v[i] + (1 - beta2) * gradient ** 2;
        expected[0].push(
          p[i] * (decoupled ? 1 - lr * weightDecay : 1) - ((lr / c1) * m2) / (Math.sqrt(v2) / Math.sqrt(c2) + epsilon),
        );
        expected[1].push(m2);
        expected[2].push(v2);
      }
      const inputs = [
        ...[p, g, m, v].map((data) => ({ shape, data })),
        ...[lr, c1, c2, scale].map((value) => ({ shape: [], data: Float32Array.of(value) })),
      ];
      const attributes = { beta1, beta2, epsilon, weightDecay, decoupled };
      const apart = await runKernel('adamW', inputs, [{ shape }, { shape }, { shape }], attributes);
      const inPlace = await runKernel(
        'adamW',
        inputs,
        [0, 2, 3].map((inPlaceOf) => ({ shape, inPlaceOf })),
        attributes,
      );
      for (const numerics of ['fma', 'nofma'] as const) {
        expected.forEach((values, o) => close(apart[numerics][o], values, 5e-7, `output ${o}`));
        expect(inPlace[numerics]).toEqual(apart[numerics]);
      }
    }
  }
});

/** Philox 4×32-10 with 64-bit integers, word for word from the paper. */
function philox(counter: number[], key: number[]): number[] {
  let c = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  const word = (x: bigint): bigint => x & 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const [p0, p1] = [0xd2511f53n * c[0], 0xcd9e8d57n * c[2]];
    c = [(p1 >> 32n) ^ c[1] ^ k0, word(p1), (p0 >> 32n) ^ c[3] ^ k1, word(p0)];
    [k0, k1] = [word(k0 + 0x9e3779b9n), word(k1 + 0xbb67ae85n)];
  }
  return c.map(Number);
}

// From Random123's kat_vectors. The first counter word is the element's block, so 4·c₀ elements would come before: the
// naive function above is checked against the vectors, the kernel against it, and against the one with counter 0.
const KNOWN: [counter: number[], key: number[], words: number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test('random gives the words of Philox 4×32-10', async () => {
  for (const [counter, key, words] of KNOWN) expect(philox(counter, key)).toEqual(words);
  for (const [[, site, step, batch], [low, high]] of KNOWN) {
    for (const n of [0, 1, 4, 15, 16, 1027]) {
      const state: Argument = {
        shape: [4],
        dtype: 'int32',
        data: Int32Array.of(low | 0, high | 0, step | 0, batch | 0),
      };
      const expected = Array.from({ length: Math.ceil(n / 4) }, (_, block) =>
        philox([block, site, step, batch], [low, high]),
      ).flat();
      for (const [y] of Object.values(await runKernel('random', [state], [{ shape: [n], dtype: 'int32' }], { site }))) {
        expect(Array.from(y, (word) => word >>> 0)).toEqual(expected.slice(0, n));
      }
    }
  }
});

test('dropout keeps what the words of its site say', async () => {
  const site = 0xdeadbeef;
  for (const rate of [0, 0.1, 0.5]) {
    for (const n of [1, 7, 1000]) {
      const state: Argument = { shape: [4], dtype: 'int32', data: Int32Array.of(1, 2, 3, 4) };
      const x = random.array(n);
      const words = Array.from({ length: Math.ceil(n / 4) }, (_, block) => philox([block, site, 3, 4], [1, 2])).flat();
      const expected = Array.from(x, (value, i) =>
        (words[i] >>> 8) / 2 ** 24 < Math.fround(1 - rate) ? value / (1 - rate) : 0,
      );
      for (const [y] of Object.values(
        await runKernel('dropout', [{ shape: [n], data: x }, state], [{ shape: [n] }], { rate, site }),
      ))
        close(y, expected, 2e-7, 'y');
    }
  }
});
