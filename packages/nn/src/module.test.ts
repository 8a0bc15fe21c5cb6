import {
  compile,
  createReferenceBackend,
  Engine,
  type Parameter,
  run,
  tensor,
  type Tensor,
  Variable,
  zeros,
} from '@qkv/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';

import { Dropout } from './dropout';
import { Linear } from './linear';
import { initialize, Module } from './module';
import { state } from './state';
import { isModule } from './tree';

const pathOf = (x: Tensor): string => (x as unknown as { node: { path: string } }).node.path;
const square = (): Linear => new Linear({ inputs: 2, outputs: 2 });
const x = (): Tensor => zeros([1, 2]);

class Block extends Module {
  readonly first = square();
  readonly rest = [square(), [square()]] as const;

  override forward(input: Tensor): Tensor {
    return this.rest[1][0].forward(this.helper(input));
  }

  helper(input: Tensor): Tensor {
    return this.rest[0].forward(this.first.forward(input));
  }
}

class Model extends Module {
  readonly blocks = [new Block(), new Block()];
  readonly count = new Variable({ shape: [], initialize: () => zeros([]) });

  override forward(input: Tensor): Tensor {
    return this.blocks.reduce((h, block) => block.forward(h), input).add(1);
  }

  second(input: Tensor): Tensor {
    return this.scope(() => this.blocks[1].helper(input));
  }
}

describe('paths', () => {
  test('nodes carry the property path of the module that made them', () => {
    const model = new Model();
    const y = model.forward(x());
    expect(pathOf(y)).toBe('');
    const made: string[] = [];
    for (let node = (y as any).node; node; node = node.inputs[0]?.node) made.push(node.path);
    expect([...new Set(made)]).toEqual([
      '',
      'blocks.1.rest.1.0',
      'blocks.1.rest.0',
      'blocks.1.first',
      'blocks.0.rest.1.0',
      'blocks.0.rest.0',
      'blocks.0.first',
    ]);
  });

  test('another public method, run in scope, is an entry too', () => {
    const model = new Model();
    expect(pathOf(model.second(x()))).toBe('blocks.1.rest.0');
    expect(model.blocks[1].first.weight.name).toBe('blocks.1.first.weight');
  });

  test('a part that is called alone keeps the path that its whole has given it', () => {
    const model = new Model();
    expect(pathOf(model.blocks[0].first.forward(x()))).toBe('');
    model.parameters();
    expect(pathOf(model.blocks[0].first.forward(x()))).toBe('blocks.0.first');
  });

  test('a module that two models share has the path of the one that runs', () => {
    class Holder extends Module {
      constructor(
        readonly name: string,
        readonly inner: Module,
      ) {
        super();
      }
      override forward(input: Tensor): Tensor {
        return this.inner.forward(input) as Tensor;
      }
    }
    const shared = square();
    const [a, b] = [new Holder('a', shared), new Holder('b', new Holder('c', shared))];
    expect([pathOf(a.forward(x())), pathOf(b.forward(x())), pathOf(a.forward(x()))]).toEqual([
      'inner',
      'inner.inner',
      'inner',
    ]);
  });

  test('what is added later, or held in no property, is found', () => {
    class Late extends Module {
      extra: Linear | null = null;
      readonly #hidden = square();
      override forward(input: Tensor): Tensor[] {
        return [(this.extra ??= square()).forward(input), this.#hidden.forward(input)];
      }
    }
    const late = new Late();
    late.parameters();
    expect(late.forward(x()).map(pathOf)).toEqual(['extra', 'Linear']);
    expect(late.extra!.weight.name).toBe('extra.weight');
  });

  test('super.forward adds nothing, and a class that inherits its forward is tracked', () => {
    class Middle extends Linear<2, 2> {}
    class Own extends Middle {
      override forward(input: any): any {
        return super.forward(input);
      }
    }
    class Outer extends Module {
      readonly middle = new Middle({ inputs: 2, outputs: 2 });
      readonly own = new Own({ inputs: 2, outputs: 2 });
      override forward(input: Tensor): Tensor[] {
        return [this.middle.forward(input as Tensor<any>), this.own.forward(input)];
      }
    }
    expect(new Outer().forward(x()).map(pathOf)).toEqual(['middle', 'own']);
  });

  test('an error inside leaves no path behind, and says where it was', () => {
    const model = new Model();
    expect(() => model.forward(zeros([1, 3]))).toThrow(
      'Linear: expected a last dimension of 2, got [1, 3] (in blocks.0.first)',
    );
    expect(pathOf(x().add(1))).toBe('');
  });

  test('a call costs less than a microsecond more', () => {
    class Identity extends Module {
      override forward(input: number): number {
        return input + 1;
      }
    }
    const identity = new Identity();
    const once = (): number => {
      const started = performance.now();
      for (let i = 0; i < 20_000; i++) identity.forward(i);
      return ((performance.now() - started) * 1000) / 20_000;
    };
    once();
    expect(Math.min(...Array.from({ length: 10 }, once))).toBeLessThan(1);
  });
});

describe('parameters', () => {
  test('are named once, in the order of properties; Variables that are not trained stand apart', () => {
    const model = new Model();
    const names = ['first', 'rest.0', 'rest.1.0'].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
    const all = [0, 1].flatMap((i) => names.map((name) => `blocks.${i}.${name}`));
    expect([...model.namedParameters().keys()]).toEqual(all);
    expect([...model.namedVariables().keys()]).toEqual([...all, 'count']);
    expect(model.parameters().map(({ name }) => name)).toEqual(all);
    expect(model.variables()).toHaveLength(13);
  });

  test('that are tied appear once, under the first name', () => {
    class Tied extends Module {
      readonly a = square();
      readonly b = this.a;
      readonly table = this.a.weight;
      override forward(): void {}
    }
    const tied = new Tied();
    expect([...tied.namedParameters().keys()]).toEqual(['a.weight', 'a.bias']);
    expect(tied.parameterCount()).toBe(6);
  });

  test('are counted without being allocated', () => {
    const huge = new Linear({ inputs: 1_000_000, outputs: 1_000_000 });
    expect(huge.parameterCount()).toBe(1_000_001_000_000);
    expect(huge.weight.handle).toBeNull();
  });

  test('a module is recognised by its brand', () => {
    expect([square(), new Model(), {}, null, 3].map(isModule)).toEqual([true, true, false, false, false]);
    expectTypeOf(square().weight).toEqualTypeOf<Parameter>();
  });
});

describe('initialize', () => {
  const values = async (model: Module): Promise<number[]> => {
    const data = await Promise.all(model.parameters().map((parameter) => parameter.data()));
    return data.flatMap((part) => [...part]);
  };

  test('one seed gives the same bits, another other values, and every parameter its own', async () => {
    const [a, b, c] = [new Block(), new Block(), new Block()];
    initialize(a);
    initialize(b, { seed: 0 });
    initialize(c, { seed: 1 });
    const [first, second, third] = await Promise.all([a, b, c].map(values));
    expect(second).toEqual(first);
    expect(third.filter((value, i) => value === first[i])).toEqual([]);
    expect(new Set(first).size).toBe(first.length);
  });

  test('values depend on names alone: not on which parameter is used first', async () => {
    const [a, b] = [new Block(), new Block()];
    initialize(a, { seed: 7 });
    initialize(b, { seed: 7 });
    await b.rest[0].bias!.data();
    await b.first.weight.data();
    expect(await values(b)).toEqual(await values(a));
  });

  test('starts weights anew that have values already', async () => {
    const model = square();
    initialize(model, { seed: 3 });
    const before = await values(model);
    await model.weight.load([1, 2, 3, 4]);
    initialize(model, { seed: 3 });
    expect(await values(model)).toEqual(before);
  });

  test('without it, models of equal structure differ; the same program gives the same bits', async () => {
    const program = async (): Promise<number[][]> => {
      state.trees = 0; // as in a new process
      return Promise.all([square(), square(), new Block()].map(values));
    };
    const [first, second, third] = await program();
    expect(second.filter((value, i) => value === first[i])).toEqual([]);
    expect(await program()).toEqual([first, second, third]);
    // The counter lies above the seeds that people choose.
    const [a, b] = [square(), square()];
    initialize(a, { seed: 1 });
    initialize(b, { seed: 0 });
    expect(await values(a)).not.toEqual(second);
    expect(await values(b)).toEqual(first);
  });

  test('parts that are added belong to the whole; chosen seeds stay when a larger model names the parts', async () => {
    class Pair extends Module {
      readonly layers: Linear[] = [square(), square()];
      override forward(): void {}
    }
    const pair = new Pair();
    const [chosen, other] = pair.layers;
    initialize(chosen, { seed: 0 });
    other.weight.seed = 9;
    other.parameters();
    pair.parameters();
    expect(pair.parameters().map(({ seed }) => seed)).toEqual([0, 0, 9, other.bias!.seed]);
    expect(other.bias!.seed).toBeGreaterThan(0);
    pair.layers.push(square());
    new Pair().parameters();
    pair.forward();
    initialize(new Pair());
    class Whole extends Module {
      readonly pair = pair;
      override forward(): void {}
    }
    const before = other.bias!.seed;
    new Whole().parameters();
    expect(other.bias!.seed).toBeGreaterThan(before);
    expect(pair.layers[2].weight.seed).toBe(other.bias!.seed);
    expect([chosen.weight.seed, other.weight.seed]).toEqual([0, 9]);
  });

  test('inside a trace it throws, and changes nothing', async () => {
    const model = square();
    initialize(model, { seed: 3 });
    const before = await values(model);
    await expect((async () => run(() => initialize(model, { seed: 4 })))()).rejects.toThrow(
      "release 'weight' inside run(fn) or compile(fn)",
    );
    expect(model.parameters().map(({ seed }) => seed)).toEqual([3, 3]);
    expect(await values(model)).toEqual(before);
  });
});

describe('release', () => {
  test('gives memory back; the next use starts from the initialisers', async () => {
    const model = new Model();
    initialize(model, { seed: 3 });
    const first = await model.blocks[1].first.weight.data();
    await model.blocks[1].first.weight.load([1, 2, 3, 4]);
    await model.count.load([5]);
    model.release();
    expect(model.variables().every((variable) => variable.handle === null)).toBe(true);
    expect(await model.blocks[1].first.weight.data()).toEqual(first);
    expect([...(await model.count.data())]).toEqual([0]);
  });
});

describe('dropout', () => {
  class Two extends Module {
    readonly a = new Dropout({ rate: 0.5 });
    readonly b = new Dropout({ rate: 0.5 });
    override forward(input: Tensor): Tensor[] {
      return [this.a.forward(input), this.b.forward(input), this.a.forward(input)];
    }
  }

  test('acts in training only; each module and each call has its own mask, each step another', async () => {
    const engine = new Engine(createReferenceBackend());
    const two = new Two();
    const ones = tensor(new Float32Array(1000).fill(1));
    const train = compile((input: Tensor) => two.forward(input), { mode: 'train', seed: 5, engine });
    const step = async (): Promise<number[][]> =>
      Promise.all((await train(ones)).map(async (y) => [...(await y.data())]));
    const [first, second] = [await step(), await step()];
    const masks = [...first, ...second].map((mask) => mask.join(''));
    expect(new Set(masks).size).toBe(6);
    for (const mask of first) {
      expect(new Set(mask)).toEqual(new Set([0, 2]));
      expect(Math.abs(mask.filter((value) => value === 0).length - 500)).toBeLessThan(80);
    }
    train.step = 0;
    expect(await step()).toEqual(first);
    const [y] = await run(() => two.forward(zeros([4]).add(1)), { engine });
    expect([...(await y.data())]).toEqual([1, 1, 1, 1]);
  });

  test('refuses a rate that is no probability below 1', () => {
    expect(() => new Dropout({ rate: 1 })).toThrow('Dropout: rate must be in [0, 1), got 1');
  });
});
