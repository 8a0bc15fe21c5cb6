import { library } from '@qkv/tsup-config';

export default library();
