import { internals, type Tensor, zeros } from '@qkv/tensor';

import { type NodeBackward, tensorOf, valueOf } from './pullback';
import { CUSTOM_GRADIENT } from './rules';
import { flattenTensors, type Structure, type TensorsLike } from './tree';

export interface CustomGradientContext<I, O> {
  readonly inputs: I;
  readonly outputs: O;
  /** In the structure of the outputs; zeros where nothing flows back. */
  readonly cotangents: TensorsLike<O>;
}

/**
 * A function with a gradient of the user's own: calling the result calls `fn`, and `grad` uses `backward`, which takes the
 * cotangents of the outputs to one for each input (null: none), instead of looking into `fn`. Tensors that `fn`
 * captures, Variables too, get no gradient through it: pass them as inputs. `backward` is graph in, graph out: differentiating
 * twice differentiates what it made.
 *
 * Throws when differentiated, if `backward` gives a wrong number of cotangents or a wrong shape.
 */
export function customGradient<const I extends readonly Tensor[], O extends Structure<Tensor>>(
  fn: (...inputs: I) => O,
  backward: (context: CustomGradientContext<I, O>) => readonly (Tensor | null)[],
): (...inputs: I) => O {
  return (...inputs) => {
    const made = flattenTensors(fn(...inputs), 'customGradient: outputs');
    const closure: NodeBackward = (context) =>
      backward({
        inputs: context.inputs as unknown as I,
        outputs: made.rebuild(context.outputs),
        cotangents: made.rebuild(
          context.cotangents.map((cotangent, i) => cotangent ?? zeros(context.outputs[i].shape)),
        ),
      });
    return made.rebuild(hideBehind(made.leaves, inputs, closure));
  };
}

/** The same values, whose gradients are what the closure makes of `inputs`. */
export function hideBehind(
  values: readonly Tensor[],
  inputs: readonly Tensor[],
  closure: NodeBackward,
): readonly Tensor[] {
  const operands = [...values, ...inputs].map(valueOf);
  return internals.applyNode(CUSTOM_GRADIENT, operands, { outputs: values.length }, closure).outputs.map(tensorOf);
}
