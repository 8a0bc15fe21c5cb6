import type { ElementwiseInstruction, ElementwiseProgram, Step, StepDescription } from '@qkv/tensor';

import {
  mergeDimensions,
  sizeOf,
  valueBits,
  type KernelEncoder,
  type KernelEncoders,
  type Place,
  type StepWriter,
} from '../encoder';

type Operand = Step['inputs'][number];

/** Numbers of the operations, in the order of `Op` in assembly/elementwise.ts. */
const OPERATIONS = [
  'move neg abs sign floor ceil sqrt exp log sin cos tanh erf',
  'add sub mul div pow maximum minimum equal notEqual less lessEqual',
  'intNeg intAbs intSign intAdd intSub intMul intMaximum intMinimum intEqual intNotEqual intLess intLessEqual',
  'and or not select floatToInt floatToBool intToFloat intToBool unitInterval',
  'gelu geluBackward geluTanh geluTanhBackward silu siluBackward sigmoid',
].flatMap((names) => names.split(' '));
const NUMBERS = new Map(OPERATIONS.map((name, i) => [name, i]));

/** Composites of one element that programs may hold as instructions. */
const COMPOSITES = ['gelu', 'geluBackward', 'geluTanh', 'geluTanhBackward', 'silu', 'siluBackward', 'sigmoid'] as const;

/** As `Kind` in assembly/elementwise.ts. */
const enum Kind {
  Input,
  Output,
  Tile,
  Scalar,
  Literal,
  Gathered,
}

interface Entry {
  kind: Kind;
  place?: Place;
  /** Bits of a literal. */
  bits?: number;
  /** A strided window: (size, stride) of each dimension, outermost first. */
  dims?: number[];
  /** Tiles are shared by registers that are not needed at the same time. */
  tile?: number;
}

interface Instruction {
  operation: number;
  result: number;
  operands: number[];
}

/** What the kernel executes: a table of entries, and instructions whose operands are entries. */
interface Layout {
  entries: Entry[];
  instructions: Instruction[];
  tiles: number;
}

function operationOf({ op, dtype }: ElementwiseInstruction, argument: Operand['dtype']): number {
  let name = op;
  if (op === 'cast') {
    if (argument === dtype || (argument === 'bool' && dtype === 'int32')) name = 'move';
    else if (argument === 'float32') name = dtype === 'int32' ? 'floatToInt' : 'floatToBool';
    else name = dtype === 'float32' ? 'intToFloat' : 'intToBool';
  } else if (argument !== 'float32') {
    const integer = `int${op[0].toUpperCase()}${op.slice(1)}`;
    if (NUMBERS.has(integer)) name = integer;
  }
  const number = NUMBERS.get(name);
  if (number === undefined) throw new Error(`elementwise: the wasm backend has no instruction ${op}`);
  return number;
}

/** How a strided operand is walked in row-major order. */
export function windowOf(operand: Operand): number[] {
  const { shape, strides } = mergeDimensions(operand.shape, operand.strides);
  return shape.length === 0 ? [1, 0] : shape.flatMap((size, d) => [size, strides[0][d]]);
}

function inputEntry(operand: Operand): Entry {
  const dims = windowOf(operand);
  if (dims.length === 2) {
    if (dims[0] === 1 || dims[1] === 1) return { kind: Kind.Input, place: operand };
    if (dims[1] === 0) return { kind: Kind.Scalar, place: operand };
  }
  return { kind: Kind.Gathered, place: operand, dims };
}

/** Elements after which a strided input begins again, such as a row that is added to all; 0 if it does not. */
function periodOf(entry: Entry): number {
  const { kind, dims } = entry;
  return kind === Kind.Gathered && dims?.length === 4 && dims[1] === 0 ? dims[2] : 0;
}

function overlaps(a: Operand, b: Operand): boolean {
  const bytes = (operand: Operand): number => 4 * sizeOf(operand.shape);
  return a.slot === b.slot && a.byteOffset < b.byteOffset + bytes(b) && b.byteOffset < a.byteOffset + bytes(a);
}

/**
 * Decides where every register lives. A result goes straight to its output, unless an instruction after it still reads
 * an input in that memory (the output may be written in place); then it is kept in a tile and moved at the end.
 */
function layOut(program: ElementwiseProgram, inputs: readonly Operand[], outputs: readonly Operand[]): Layout {
  const types = inputs.map(({ dtype }) => dtype);
  const values: Entry[] = inputs.map(inputEntry); // per register
  const instructions: Instruction[] = []; // operands are registers until the end
  for (const instruction of program.instructions) {
    const register = values.length;
    types.push(instruction.dtype);
    if (instruction.op === 'literal') {
      values.push({ kind: Kind.Literal, bits: valueBits(instruction.value ?? 0, instruction.dtype) });
      continue;
    }
    values.push({ kind: Kind.Tile });
    // The operands' type tells float32 from int32; that of `select` does not matter, it moves words.
    instructions.push({
      operation: operationOf(instruction, types[instruction.args[0]]),
      result: register,
      operands: [...instruction.args],
    });
  }

  // Each output gets an instruction of its own, which defines it.
  const results = program.results.map((register, j) => {
    const computed = values[register].kind === Kind.Tile && program.results.indexOf(register) === j;
    if (computed) return register;
    values.push({ kind: Kind.Tile });
    instructions.push({ operation: NUMBERS.get('move')!, result: values.length - 1, operands: [register] });
    return values.length - 1;
  });

  const lastRead = new Map<number, number>();
  instructions.forEach(({ operands }, i) => operands.forEach((register) => lastRead.set(register, i)));
  const definition = new Map(instructions.map(({ result }, i) => [result, i]));
  const moves: Instruction[] = [];
  results.forEach((register, j) => {
    const output: Entry = { kind: Kind.Output, place: outputs[j] };
    const late = inputs.some(
      (input, r) =>
        values[r].kind === Kind.Input &&
        (lastRead.get(r) ?? -1) > definition.get(register)! &&
        overlaps(input, outputs[j]),
    );
    if (!late) values[register] = output;
    else {
      values.push(output);
      moves.push({ operation: NUMBERS.get('move')!, result: values.length - 1, operands: [register] });
    }
  });
  for (const move of moves) {
    lastRead.set(move.operands[0], instructions.length);
    instructions.push(move);
  }

  // Tiles: a linear scan. The result may take the tile of an operand that is read for the last time, unless the next
  // tile of elements finds the operand there again.
  let tiles = 0;
  const free: number[] = [];
  for (const entry of values) if (entry.kind === Kind.Gathered) entry.tile = tiles++;
  instructions.forEach(({ result, operands }, i) => {
    for (const register of new Set(operands)) {
      const { tile } = values[register];
      if (tile !== undefined && periodOf(values[register]) === 0 && lastRead.get(register) === i) free.push(tile);
    }
    if (values[result].kind !== Kind.Tile) return;
    values[result].tile = free.pop() ?? tiles++;
    if (!lastRead.has(result)) free.push(values[result].tile!); // read by nobody
  });

  // Only what an instruction touches becomes an entry.
  const numbers = new Map<number, number>();
  const entries: Entry[] = [];
  const number = (register: number): number => {
    if (!numbers.has(register)) numbers.set(register, entries.push(values[register]) - 1);
    return numbers.get(register)!;
  };
  const numbered = instructions.map(({ operation, result, operands }) => ({
    operation,
    operands: operands.map(number),
    result: number(result),
  }));
  return { entries, instructions: numbered, tiles };
}

/** Bytes of the part of the scratch memory that does not depend on the length of a tile. */
function fixedBytes(entries: number): number {
  return 16 * entries + 64 + 16 * entries;
}

/** Elements of a tile. Some tiles together should fit the first-level cache; without any, long ones save turns. */
function tileLength(tiles: number): number {
  if (tiles === 0) return 4096;
  return tiles <= 12 ? 512 : 256;
}

/**
 * A tile of whole periods, of at least half the usual length, is gathered once for all. Its length, and the period;
 * 0 and the usual length where no such tile exists.
 */
function repeatingTile(entries: readonly Entry[], tiles: number): { period: number; tile: number } {
  const usual = tileLength(tiles);
  const longest = tiles <= 3 ? 2048 : usual;
  for (const period of new Set(entries.map(periodOf))) {
    const unit = period % 4 === 0 ? period : period % 2 === 0 ? 2 * period : 4 * period;
    const tile = unit && unit * Math.floor(longest / unit);
    if (tile >= usual / 2) return { period, tile };
  }
  return { period: 0, tile: usual };
}

/** At most: every register its own tile or vector. */
function scratchBytes(program: ElementwiseProgram): number {
  const registers = program.inputs + program.instructions.length + 2 * program.results.length;
  return fixedBytes(registers) + Math.max(12 * 4 * 512, registers * 4 * 256);
}

function programOf(description: StepDescription): ElementwiseProgram {
  return description.attributes.program as ElementwiseProgram;
}

/** The words of a program. */
export function writeProgram(step: Step, writer: StepWriter): void {
  const program = programOf(step);
  const n = sizeOf(step.outputs[0].shape);
  const { entries, instructions, tiles } = layOut(program, step.inputs, step.outputs);
  const { period, tile } = repeatingTile(entries, tiles);
  const gathered = entries.filter(({ kind }) => kind === Kind.Gathered);
  const repeated = gathered.filter((entry) => period > 0 && periodOf(entry) === period);
  const others = gathered.filter((entry) => !repeated.includes(entry));

  writer.int(n).int(tile).int(entries.length).int(instructions.length);
  writer.int(repeated.length).int(others.length);
  writer.ptr(step.workspace!).int(scratchBytes(program));
  entries.forEach(({ kind, place, bits, tile: index }, e) => {
    writer.int(kind);
    if (place) writer.ptr(place);
    else writer.int(bits ?? 0).int(0);
    writer.int(index === undefined ? 16 * entries.length + 64 + 16 * e : fixedBytes(entries.length) + index * 4 * tile);
  });
  for (const { operation, result, operands } of instructions) {
    writer.int(operation).int(16 * result);
    for (let i = 0; i < 3; i++) writer.int(16 * (operands[i] ?? operands[0]));
  }
  for (const entry of [...repeated, ...others]) {
    writer.int(entries.indexOf(entry)).int(entry.dims!.length / 2);
    for (const word of entry.dims!) writer.int(word);
  }
}

const encoder: KernelEncoder = {
  strided: true,
  workspace: (description, parts) => parts * scratchBytes(programOf(description)),
  encode(step, writer) {
    if (sizeOf(step.outputs[0].shape) > 0) writeProgram(step, writer.kernel('elementwise'));
  },
};

export const elementwise: KernelEncoders = {
  elementwise: encoder,
  ...Object.fromEntries(COMPOSITES.map((name) => [name, {}])),
};
