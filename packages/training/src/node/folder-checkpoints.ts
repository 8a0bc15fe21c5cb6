import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { SafetensorsFile } from '@qkv/safetensors';
import { readSafetensors, removeTemporaries, writeSafetensors } from '@qkv/safetensors/node';

import type { CheckpointFile, CheckpointStore } from '../checkpoint';

const NAME = /^step-(\d{8,})\.safetensors$/;

/**
 * Checkpoints as files of a folder, `step-00001600.safetensors`. Each is written under another name, synchronised and
 * renamed: a process that is killed, or a machine that loses power, leaves it whole or not there.
 */
export class FolderCheckpoints implements CheckpointStore {
  private constructor(readonly folder: string) {}

  /** Makes the folder if need be, and removes what a killed process has left in it. Nobody else may be writing there. */
  static async open(folder: string): Promise<FolderCheckpoints> {
    await mkdir(folder, { recursive: true });
    await removeTemporaries(folder);
    return new FolderCheckpoints(folder);
  }

  async list(): Promise<number[]> {
    const steps = (await readdir(this.folder)).flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
    return steps.sort((a, b) => a - b);
  }

  save(step: number, { tensors, metadata }: CheckpointFile): Promise<void> {
    return writeSafetensors(this.describe(step), tensors, metadata);
  }

  load(step: number): Promise<SafetensorsFile> {
    return readSafetensors(this.describe(step));
  }

  /** Not synchronised: a checkpoint that comes back after a loss of power does no harm. */
  remove(step: number): Promise<void> {
    return rm(this.describe(step), { force: true });
  }

  describe(step: number): string {
    return join(this.folder, `step-${String(step).padStart(8, '0')}.safetensors`);
  }
}
