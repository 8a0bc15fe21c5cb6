import { project } from '@qkv/vitest-config';

export default project(import.meta.url);
