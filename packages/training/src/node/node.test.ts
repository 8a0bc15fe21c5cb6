import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { FolderCheckpoints, FolderLockedError, JsonLinesLog, lockFolder, TensorBoardLog } from '../node';

const folder = mkdtempSync(join(tmpdir(), 'qkv-training-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => {
  const path = join(folder, String(folders++));
  mkdirSync(path);
  return path;
};

describe('FolderCheckpoints', () => {
  test('lists what is whole, and removes what a killed process left', async () => {
    const path = join(fresh(), 'deep', 'checkpoints');
    const store = await FolderCheckpoints.open(path);
    const file = {
      tensors: { w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } },
      metadata: { a: 'b' },
    } as const;
    for (const step of [100, 20, 123_456_789]) await store.save(step, file);
    writeFileSync(join(path, '.step-00000200.safetensors.77-0.tmp'), 'half');
    writeFileSync(join(path, 'notes.txt'), 'mine');
    const again = await FolderCheckpoints.open(path);
    expect(await again.list()).toEqual([20, 100, 123_456_789]);
    expect(readdirSync(path).sort()).toEqual([
      'notes.txt',
      'step-00000020.safetensors',
      'step-00000100.safetensors',
      'step-123456789.safetensors',
    ]);
    expect((await again.load(20)).metadata).toEqual({ a: 'b' });
    await again.remove(20);
    expect(await again.list()).toEqual([100, 123_456_789]);
  });
});

describe('logs', () => {
  test('grow, are cut where a checkpoint says, and go on in a new process', async () => {
    const path = join(fresh(), 'metrics.jsonl');
    const log = new JsonLinesLog(path);
    log.write({ step: 1, loss: 2.5 });
    const length = await log.sync();
    log.write({ step: 2, loss: NaN });
    expect(readFileSync(path, 'utf8')).toBe('{"step":1,"loss":2.5}\n{"step":2,"loss":null}\n');
    log.close();
    const again = new JsonLinesLog(path);
    await again.truncate(length);
    again.write({ step: 2, loss: 2 });
    await again.truncate(10_000); // shorter than it was: somebody has cut it
    again.close();
    expect(readFileSync(path, 'utf8')).toBe('{"step":1,"loss":2.5}\n{"step":2,"loss":2}\n');
  });

  test('event files begin with their version, also after a cut to nothing', async () => {
    const path = join(fresh(), 'events.out.tfevents.1');
    const log = new TensorBoardLog(path, { now: () => 1_700_000_000 });
    log.write({ step: 1, loss: 2.5 });
    const once = readFileSync(path);
    await log.truncate(0);
    log.write({ step: 1, loss: 2.5 });
    log.close();
    expect(readFileSync(path)).toEqual(once);
  });
});

describe('lockFolder', () => {
  test('one at a time; free after release', async () => {
    const path = fresh();
    const lock = await lockFolder(path);
    await expect(lockFolder(path)).rejects.toThrow(FolderLockedError);
    await expect(lockFolder(path)).rejects.toThrow(`${path} is in use by process ${process.pid}`);
    await lock.release();
    await (await lockFolder(path)).release();
    expect(readdirSync(path)).toEqual([]);
  });

  test('the lock of a process that is gone, of another one with its number, or of no sense, does not hold', async () => {
    const path = fresh();
    const gone = spawnSync(process.execPath, ['-e', '0']).pid;
    for (const text of [
      JSON.stringify({ pid: gone, host: hostname(), started: '1' }),
      JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }),
      '{"pid":',
      'null',
    ]) {
      writeFileSync(join(path, 'lock'), text);
      writeFileSync(join(path, `lock.${gone}`), '');
      writeFileSync(join(path, `lock.dead.${gone}`), '');
      await (await lockFolder(path)).release();
    }
    expect(readdirSync(path)).toEqual([]);
  });

  test('the lock of another machine holds', async () => {
    const path = fresh();
    const text = JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' });
    writeFileSync(join(path, 'lock'), text);
    await expect(lockFolder(path)).rejects.toThrow(
      `process 1 of elsewhere; if that is gone, delete ${join(path, 'lock')}`,
    );
    expect(readFileSync(join(path, 'lock'), 'utf8')).toBe(text);
  });

  test('a lock that is no file holds, and does not hang', async () => {
    const path = fresh();
    mkdirSync(join(path, 'lock'));
    await expect(lockFolder(path)).rejects.toThrow(/lock cannot be read \(EISDIR\): delete it if no process uses/);
    expect(readdirSync(path)).toEqual(['lock']);
  });

  test('of many processes that try at once, one gets it', async () => {
    const path = fresh();
    writeFileSync(join(path, 'lock'), JSON.stringify({ pid: 2 ** 30, host: hostname(), started: '1' }));
    const script = join(path, 'try.ts');
    const source = new URL('./folder-lock.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { lockFolder } from ${JSON.stringify(source)};
       lockFolder(${JSON.stringify(path)}).then(() => { console.log('got it'); setTimeout(() => {}, 1e6); }, () => console.log('no'));`,
    );
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--import', 'tsx', script], { cwd: new URL('../..', import.meta.url) }),
    );
    const answers = await Promise.all(
      children.map(
        (child) =>
          new Promise<string>((resolve) =>
            child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
          ),
      ),
    );
    for (const child of children) child.kill('SIGKILL');
    expect(answers.filter((answer) => answer === 'got it')).toHaveLength(1);
    expect(existsSync(join(path, 'lock'))).toBe(true);
  });
});
