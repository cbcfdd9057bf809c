// launchdarkly-node-client-sdk 3.x: a client-side SDK in Node.
import { tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import { driven, optionsFor } from './js-3.mjs';

const { initialize } = createRequire(import.meta.url)('launchdarkly-node-client-sdk');

export default async function connect(config, changed) {
  const options = { ...optionsFor(config), localStoragePath: tmpdir() };
  const client = initialize(config.credential, config.context, options);
  await client.waitForInitialization(10);
  client.on('change', changed);
  return driven(client);
}
