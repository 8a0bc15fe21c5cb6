/**
 * Loaded before the application (`--import`): counts the moments of a run, and ends the process at one of them as
 * `kill -9` would. Moments are each run of the engine, and each change of a file, before, in the middle and after it.
 *
 *   QKV_MOMENTS=file   write down every moment, a line each
 *   QKV_KILL_AT=n      end at moment n
 */
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { QKV_MOMENTS, QKV_KILL_AT } = process.env;
const kept = { appendFileSync: fs.appendFileSync, writeSync: fs.writeSync };
let moments = 0;

function moment(/** @type {string} */ name) {
  const n = moments++;
  if (QKV_MOMENTS !== undefined) kept.appendFileSync(QKV_MOMENTS, `${name}\n`);
  if (n === Number(QKV_KILL_AT ?? -1)) process.kill(process.pid, 'SIGKILL');
}

const fileOf = (/** @type {unknown} */ path) =>
  String(path).split('/').slice(-2).join('/').replace(String(process.pid), 'PID');

// The engine waits for one of these before each run.
const { setImmediate } = globalThis;
globalThis.setImmediate = /** @type {any} */ (
  (/** @type {() => void} */ fn, /** @type {any[]} */ ...args) => {
    moment('run');
    return setImmediate(fn, ...args);
  }
);

for (const name of /** @type {const} */ (['rename', 'rm', 'link', 'unlink', 'mkdir', 'writeFile'])) {
  const original = /** @type {any} */ (fsp[name]);
  /** @type {any} */ (fsp)[name] = async (/** @type {any[]} */ ...args) => {
    moment(`before ${name} ${fileOf(args[0])}`);
    const result = await original(...args);
    moment(`after ${name} ${fileOf(args[0])}`);
    return result;
  };
}

const open = fsp.open;
fsp.open = /** @type {any} */ (
  async (/** @type {any[]} */ ...args) => {
    const handle = await /** @type {any} */ (open)(...args);
    const path = fileOf(args[0]);
    if (!String(args[1] ?? 'r').startsWith('w')) return handle;
    moment(`after open ${path}`);
    const write = handle.writeFile.bind(handle);
    handle.writeFile = async (/** @type {any} */ data) => {
      const bytes = Buffer.from(data.buffer === undefined ? data : data.buffer, data.byteOffset ?? 0, data.byteLength);
      await write(bytes.subarray(0, bytes.length >> 1));
      moment(`in write ${path}`);
      await write(bytes.subarray(bytes.length >> 1));
    };
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      moment(`before sync ${path}`);
      await sync();
    };
    return handle;
  }
);

fs.writeSync = /** @type {any} */ (
  (/** @type {number} */ descriptor, /** @type {any} */ data, /** @type {any[]} */ ...rest) => {
    if (typeof data !== 'string' && data.length > 1) {
      const half = kept.writeSync(descriptor, data, rest[0] ?? 0, (data.length - (rest[0] ?? 0)) >> 1);
      moment('in append');
      return half + kept.writeSync(descriptor, data, (rest[0] ?? 0) + half);
    }
    return kept.writeSync(descriptor, data, ...rest);
  }
);
syncBuiltinESMExports();
