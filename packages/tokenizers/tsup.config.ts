import { library } from '@qkv/tsup-config';

export default library({ entry: ['src/index.ts', 'src/encode.ts'] });
