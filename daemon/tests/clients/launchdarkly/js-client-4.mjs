// @launchdarkly/js-client-sdk 4.x, in a page.
import { createClient } from '@launchdarkly/js-client-sdk';
import { driven, optionsFor } from './js-4.mjs';

export default async function connect(config, changed) {
  const client = createClient(config.credential, config.context, optionsFor(config));
  client.on('change', changed);
  const begun = await client.start({ timeout: 10, identifyOptions: { hash: config.options.hash } });
  if (begun.status !== 'complete') throw new Error(`it did not start: ${begun.status} ${begun.error}`);
  return driven(client);
}
