/** @packageDocumentation Checkpoints, metrics and locks in folders of a file system. */
export { FolderCheckpoints } from './node/folder-checkpoints';
export { type FolderLock, FolderLockedError, lockFolder } from './node/folder-lock';
export { JsonLinesLog, TensorBoardLog, type TensorBoardLogOptions } from './node/log-files';
