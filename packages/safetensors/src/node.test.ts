import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serialize, type TensorEntry } from './index';
import { readSafetensors, removeTemporaries, writeFileDurably, writeSafetensors } from './node';

const weight: TensorEntry = { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qkv-safetensors-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'SafetensorsError', code, message: expect.stringMatching(message) });

describe('writeSafetensors and readSafetensors', () => {
  it('write what serialize gives, and read it back, by path or URL', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, { weight }, { step: '7' });
    expect(new Uint8Array(await readFile(path))).toEqual(serialize({ weight }, { step: '7' }));
    const file = await readSafetensors(pathToFileURL(path));
    expect(file.tensors.get('weight')).toEqual(weight);
    expect({ ...file.metadata }).toEqual({ step: '7' });
  });

  it('replace an older file and leave nothing else in the folder', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, { weight });
    await writeSafetensors(path, {});
    expect((await readSafetensors(path)).tensors.size).toBe(0);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('let writers of one file overlap: the file is one of them, whole', async () => {
    const path = join(folder, 'model.safetensors');
    const writers = Array.from({ length: 8 }, (_, i) => writeSafetensors(path, { weight }, { writer: String(i) }));
    await Promise.all(writers);
    expect((await readSafetensors(path)).metadata.writer).toMatch(/^[0-7]$/);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });
});

describe('readSafetensors', () => {
  it('names a file that is missing', async () => {
    const path = join(folder, 'none.safetensors');
    await expect(readSafetensors(path)).rejects.toEqual(refusal('not-found', /none\.safetensors: no such file/));
  });

  it('names a file that is truncated, at every length', async () => {
    const path = join(folder, 'cut.safetensors');
    const bytes = serialize({ weight });
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(readSafetensors(path)).rejects.toEqual(
        refusal(length < 8 + bytes[0] ? 'header-length' : 'data-length', /^\S*cut\.safetensors: (?!safetensors).*;/),
      );
    }
  });

  it('refuses what is not a file', async () => {
    await expect(readSafetensors(folder)).rejects.toEqual(refusal('unreadable', /not a regular file/));
    await expect(readSafetensors(join(folder, 'a\0b'))).rejects.toEqual(refusal('unreadable', /cannot be read/));
  });

  it.skipIf(isRoot)('says when permission is missing', async () => {
    const path = join(folder, 'secret.safetensors');
    await writeFile(path, '', { mode: 0 });
    await expect(readSafetensors(path)).rejects.toEqual(refusal('unreadable', /no permission/));
  });
});

describe('writeSafetensors', () => {
  it('says when the folder does not exist or is none', async () => {
    const missing = join(folder, 'no', 'model.safetensors');
    await expect(writeSafetensors(missing, {})).rejects.toEqual(refusal('unwritable', /folder does not exist; create/));
    await writeFile(join(folder, 'plain'), '');
    const below = join(folder, 'plain', 'model.safetensors');
    await expect(writeSafetensors(below, {})).rejects.toEqual(refusal('unwritable', /folder is not a folder/));
  });

  it('cleans up when the last step fails', async () => {
    await mkdir(join(folder, 'taken'));
    await expect(writeSafetensors(join(folder, 'taken'), { weight })).rejects.toEqual(
      refusal('unwritable', /a folder has this name/),
    );
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('touches no file when the tensors are wrong', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, { weight });
    await expect(writeSafetensors(path, { weight: { ...weight, shape: [5] } })).rejects.toEqual(refusal('shape', /5/));
    expect((await readSafetensors(path)).tensors.get('weight')).toEqual(weight);
  });

  it.skipIf(isRoot)('keeps the old file in a folder that cannot be written', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, { weight });
    await chmod(folder, 0o555);
    await expect(writeSafetensors(path, {})).rejects.toEqual(refusal('unwritable', /no permission/));
    expect((await readSafetensors(path)).tensors.size).toBe(1);
    await chmod(folder, 0o755);
  });

  it('replaces a symbolic link and not the file behind it', async () => {
    const older = join(folder, 'step-1.safetensors');
    const latest = join(folder, 'latest.safetensors');
    await writeSafetensors(older, { weight });
    await symlink(older, latest);
    await writeSafetensors(latest, {});
    expect((await readSafetensors(older)).tensors.size).toBe(1);
  });
});

describe('writeFileDurably', () => {
  it('leaves the old file where the new one cannot be written', async () => {
    const path = join(folder, 'file');
    await writeFileDurably(path, 'old');
    await writeFileDurably(path, 'n', new TextEncoder().encode('ew'));
    expect(await readFile(path, 'utf8')).toBe('new');
    await mkdir(join(folder, 'taken'));
    await expect(writeFileDurably(join(folder, 'taken'), 'x')).rejects.toMatchObject({
      code: expect.stringMatching(/EISDIR|ENOTEMPTY|EEXIST/) as string,
    });
    expect((await readdir(folder)).sort()).toEqual(['file', 'taken']);
  });

  it('what it leaves when it is killed is removed, and nothing else', async () => {
    for (const name of ['.model.safetensors.77-0.tmp', '.notes.tmp', '.notes.2024.tmp', 'a.7-0.tmp']) {
      await writeFile(join(folder, name), 'half');
    }
    await removeTemporaries(folder);
    expect((await readdir(folder)).sort()).toEqual(['.notes.2024.tmp', '.notes.tmp', 'a.7-0.tmp']);
  });
});
