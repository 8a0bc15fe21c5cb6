/** Programs that must type-check, with exactly these result types. Part of the ordinary type check; nothing runs it. */
import { LayerNorm, Embedding, Linear } from '@qkv/nn';
import { type Tensor, tensor, type Variable, zeros } from '@qkv/tensor';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fails to compile unless the shape of `x` is exactly S. */
declare function shapeIs<const S extends readonly number[]>(): <X extends readonly number[]>(
  x: Tensor<X>,
  same: Equal<X, S>,
) => void;

declare const plain: Tensor;
declare const variable: Variable;
declare const B: number;
declare const either: 2 | 3;
declare const eitherShape: Tensor<readonly [2, 3] | readonly [4, 3]>;
declare const branded: number & { readonly dimension: 'D' };

// Makers
shapeIs<readonly [2, 3]>()(zeros([2, 3]), true);
shapeIs<readonly [number, 3]>()(zeros([B, 3]), true);
shapeIs<readonly number[]>()(tensor([1, 2]), true);
shapeIs<readonly [2]>()(tensor([1, 2], [2]), true);

// Broadcasting
shapeIs<readonly [2, 3]>()(zeros([2, 3]).add(zeros([2, 3])), true);
shapeIs<readonly [4, 2, 3]>()(zeros([2, 1]).mul(zeros([4, 1, 3])), true);
shapeIs<readonly [2, 3]>()(zeros([2, 3]).sub(zeros([3])), true);
shapeIs<readonly [2, 3]>()(zeros([]).add(zeros([2, 3])), true);
shapeIs<readonly [2, 3]>()(zeros([2, 3]).mul(2), true);
shapeIs<readonly [2, 3]>()(zeros([2, 3]).and(true), true);
shapeIs<readonly [0, 3]>()(zeros([0, 1]).add(zeros([1, 3])), true);
shapeIs<readonly [number, 3]>()(zeros([B, 3]).add(zeros([3])), true);
shapeIs<readonly [number, 3]>()(zeros([B, 3]).add(zeros([2, 3])), true);
shapeIs<readonly number[]>()(zeros([2, 3]).add(plain), true);
shapeIs<readonly number[]>()(plain.add(zeros([2, 3])), true);
shapeIs<readonly number[]>()(zeros([2, 3]).add(variable), true);
zeros([either]).add(zeros([3]));
zeros([2]).add(zeros([either]));
zeros([branded]).add(zeros([3])).add(zeros([branded]));

// Products
shapeIs<readonly [2, 4]>()(zeros([2, 3]).matmul(zeros([3, 4])), true);
shapeIs<readonly [8, 5, 2, 4]>()(zeros([8, 1, 2, 3]).matmul(zeros([5, 3, 4])), true);
shapeIs<readonly [number, 7, 4]>()(zeros([B, 7, 3]).matmul(zeros([3, 4])), true);
shapeIs<readonly [2, 4]>()(zeros([2, B]).matmul(zeros([3, 4])), true);
shapeIs<readonly number[]>()(zeros([2, 3]).matmul(plain), true);
shapeIs<readonly number[]>()(plain.matmul(zeros([3, 4])), true);
shapeIs<readonly number[]>()(zeros([2, 3]).matmul(variable), true);
zeros([2, either]).matmul(zeros([3, 4]));
zeros([2, either]).matmul(zeros([either, 4]));
zeros([2, branded]).matmul(zeros([3, 4]));
eitherShape.matmul(zeros([3, 4])).add(zeros([2, 4]));
eitherShape.reshape([12]);

// Other shapes of the same elements
shapeIs<readonly [3, 2]>()(zeros([2, 3]).reshape([3, 2]), true);
shapeIs<readonly [2, 7, 8, 64]>()(zeros([2, 7, 512]).reshape([2, 7, 8, 64]), true);
shapeIs<readonly [16, 14, 16, 14, 16, 3]>()(zeros([16, 224, 224, 3]).reshape([16, 14, 16, 14, 16, 3]), true);
shapeIs<readonly [50257, 768]>()(zeros([38597376]).reshape([50257, 768]), true);
shapeIs<readonly [999999, 999999]>()(zeros([999998000001]).reshape([999999, 999999]), true);
shapeIs<readonly [6, 35]>()(zeros([21, 10]).reshape([6, 35]), true);
shapeIs<readonly [5, 42]>()(zeros([2, 3, 35]).reshape([5, 42]), true);
shapeIs<readonly [2, 3, 35]>()(zeros([5, 42]).reshape([2, 3, 35]), true);
shapeIs<readonly [64, 96]>()(zeros([2, 32, 6, 16]).reshape([64, 96]), true);
shapeIs<readonly [1, 1, 1]>()(zeros([1]).reshape([1, 1, 1]), true);
shapeIs<readonly [1]>()(zeros([]).reshape([1]), true);
zeros([either, 6]).reshape([either, 4]);
zeros([branded, 6]).reshape([branded, 4]);
shapeIs<readonly [0, 5, 12]>()(zeros([0, 12]).reshape([0, 5, 12]), true);
shapeIs<readonly [5, 0]>()(zeros([12, 0]).reshape([5, 0]), true);
shapeIs<readonly [0, 5]>()(zeros([3, 0]).reshape([0, 5]), true);
shapeIs<readonly []>()(zeros([1, 1]).reshape([]), true);
shapeIs<readonly [10, 10, 1]>()(zeros([100]).reshape([10, 10, 1]), true);
shapeIs<readonly [0, number]>()(zeros([B, 0]).reshape([0, B]), true);
zeros([B, 4]).reshape([0, B]);
shapeIs<readonly [number, 4]>()(zeros([2, 6]).reshape([-1, 4]), true);
shapeIs<readonly [3, 4]>()(zeros([2, 6]).reshape([-1, 4]).add(zeros([3, 4])).reshape([3, 4]), true);
shapeIs<readonly [number, 8, 64]>()(zeros([B, 512]).reshape([B, 8, 64]), true);
shapeIs<readonly [2, 3]>()(plain.reshape([2, 3]), true);
shapeIs<readonly number[]>()(zeros([2, 3]).reshape(plain.shape), true);
zeros([either]).reshape([3]);
zeros([branded]).reshape([3]);
shapeIs<readonly [5, 2, 3]>()(zeros([2, 1]).expand([5, 2, 3]), true);
shapeIs<readonly [2, 3]>()(plain.expand([2, 3]), true);
shapeIs<readonly number[]>()(zeros([2, 1]).expand(plain.shape), true);

// Layers
const linear = new Linear({ inputs: 256, outputs: 10 });
shapeIs<readonly [2, 7, 10]>()(linear.forward(zeros([2, 7, 256])), true);
shapeIs<readonly [number, 10]>()(linear.forward(zeros([B, 256])), true);
shapeIs<readonly [2, 10]>()(linear.forward(zeros([2, B])), true);
shapeIs<readonly number[]>()(linear.forward(plain), true);
shapeIs<readonly [2, number]>()(new Linear({ inputs: B, outputs: B }).forward(zeros([2, 256])), true);
shapeIs<readonly [2, 256]>()(new LayerNorm({ dimension: 256 }).forward(zeros([2, 256])), true);
shapeIs<readonly [2, 7, 256]>()(new Embedding({ vocabulary: 100, dimension: 256 }).forward(zeros([2, 7], 'int32')), true);
linear.forward(zeros([2, 7, 16, 16]).reshape([2, 7, 256])).add(zeros([10]));

// Typed and plain tensors mix freely.
export const widened: Tensor = zeros([2, 3]);
export const wider: Tensor<readonly [number, 3]> = zeros([2, 3]);
export const list: readonly Tensor[] = [zeros([2]), zeros([3, 4]), plain];
