import { type Parameter, type Tensor, Variable, zeros } from '@qkv/tensor';

/** Variables beside parameters: of each kind one per parameter, of its shape. */
export class ParameterState {
  readonly parameters: readonly Parameter[];
  /** Kind → one Variable per parameter, made when first needed: only then are the parameters named. */
  readonly #kinds = new Map<string, Variable[]>();

  /** `owner` is what errors are about, `prefix` what the Variables' names begin with. */
  constructor(
    readonly owner: string,
    readonly prefix: string,
    parameters: readonly Parameter[],
  ) {
    if (parameters.length === 0) throw new RangeError(`${owner}: there are no parameters`);
    const twice = parameters.find((parameter, i) => parameters.indexOf(parameter) !== i);
    if (twice !== undefined) throw new RangeError(`${owner}: parameter '${twice.name}' is listed twice`);
    this.parameters = [...parameters];
    this.names();
  }

  /** The Variables of one kind, in the order of the parameters; they start from 0 unless `initialize` says otherwise. */
  of(kind: string, initialize: (parameter: Parameter) => Tensor = ({ shape }) => zeros(shape)): readonly Variable[] {
    let list = this.#kinds.get(kind);
    if (list === undefined) {
      const names = this.names();
      list = this.parameters.map((parameter, i) => {
        const name = `${this.prefix}.${kind}.${names[i]}`;
        return new Variable({ shape: parameter.shape, initialize: () => initialize(parameter), name });
      });
      this.#kinds.set(kind, list);
    }
    return list;
  }

  /** Name in a checkpoint → Variable: those given under their names, those of the kinds as `<kind>.<parameter>`. */
  named(first: Readonly<Record<string, Variable>>, kinds: readonly (readonly Variable[])[]): Map<string, Variable> {
    const named = new Map(Object.entries(first));
    for (const variable of kinds.flat()) named.set(variable.name.slice(this.prefix.length + 1), variable);
    return named;
  }

  /** One tensor for each parameter, of its shape; else an error that names the place. */
  check(place: string, gradients: readonly Tensor[]): void {
    const { parameters } = this;
    if (gradients.length !== parameters.length) {
      throw new RangeError(`${place}: expected ${parameters.length} gradients, got ${gradients.length}`);
    }
  }

  release(): void {
    for (const variable of [...this.#kinds.values()].flat()) variable.release();
  }

  /** What the state of each parameter is called: its name, or its index where it has none. Throws if two are the same. */
  names(): string[] {
    const names = this.parameters.map(({ name }, i) => name || String(i));
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      throw new RangeError(
        `${this.owner}: two parameters are named '${twice}', so their state could not be told apart; ` +
          'put their layers under one Module and use its parameters(): names come from the property paths',
      );
    }
    return names;
  }
}
