export { readSafetensors, removeTemporaries, writeFileDurably, writeSafetensors } from './node/files';
export { readShardedSafetensors } from './node/read-sharded';
export { type ShardOptions, writeShardedSafetensors } from './node/write-sharded';
