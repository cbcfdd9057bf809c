// launchdarkly-js-client-sdk 3.x, in a page.
import { initialize } from 'launchdarkly-js-client-sdk';
import { driven, optionsFor } from './js-3.mjs';

export default async function connect(config, changed) {
  const client = initialize(config.credential, config.context, optionsFor(config));
  await client.waitForInitialization(10);
  client.on('change', changed);
  return driven(client);
}
