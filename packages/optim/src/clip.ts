import { reciprocal, type Tensor } from '@qkv/tensor';

/** √(Σ g²) over all gradients together. */
export function globalNorm(gradients: readonly Tensor[]): Tensor {
  const squares = gradients.map((gradient) => gradient.square().sum());
  return squares.reduce((sum, square) => sum.add(square)).sqrt();
}

/** The factor that keeps the norm at most `maximum`: min(1, maximum/(norm + 10⁻⁶)), as torch's clip_grad_norm_. */
export function clipFactor(norm: Tensor, maximum: number): Tensor {
  return reciprocal(norm.add(1e-6)).mul(maximum).minimum(1);
}
