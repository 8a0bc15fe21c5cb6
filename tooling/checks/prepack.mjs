/**
 * `prepack` of every package. In the workspace `exports` leads to the sources; pnpm puts `publishConfig.exports` in its
 * place while packing, npm and yarn do not: what they pack cannot be imported. So nothing but pnpm may pack, and not
 * before there is something to pack.
 */
import { existsSync, readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const agent = process.env.npm_config_user_agent ?? '';
const missing = Object.values(manifest.publishConfig.exports)
  .flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)))
  .find((path) => !existsSync(path));

if (!agent.startsWith('pnpm/')) {
  console.error(
    `${manifest.name}: only pnpm can pack this package, because it publishes other exports than those in the workspace; run: pnpm pack`,
  );
  process.exitCode = 1;
} else if (missing !== undefined) {
  console.error(`${manifest.name}: ${missing} is not built; run: pnpm --filter ${manifest.name}... build`);
  process.exitCode = 1;
}
