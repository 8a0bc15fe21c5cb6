import { BACKENDS } from './backends';
import { conformanceSuite } from './suite';

for (const [name, createBackend] of BACKENDS) conformanceSuite(name, createBackend);
