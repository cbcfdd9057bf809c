// @launchdarkly/js-client-sdk 4.x, in a page; with `options.dataSystem` it speaks FDv2.
import { createClient } from '@launchdarkly/js-client-sdk';

export default async function connect({ url, credential, context, options }, changed) {
  const client = createClient(credential, context, {
    baseUri: url,
    streamUri: url,
    eventsUri: url,
    diagnosticOptOut: true,
    streaming: true,
    streamInitialReconnectDelay: 0.1,
    withReasons: true,
    ...options,
  });
  client.on('change', changed);
  const begun = await client.start({ timeout: 10 });
  if (begun.status !== 'complete') throw new Error(`it did not start: ${JSON.stringify(begun)} ${begun.error}`);
  return {
    async detail(flag, fallback) {
      const { value, variationIndex, reason } = client.variationDetail(flag, fallback);
      return { value, variation: variationIndex, reason };
    },
    async identify(other) {
      const done = await client.identify(other, { timeout: 10 });
      if (done.status !== 'completed') throw new Error(`it did not identify: ${JSON.stringify(done)}`);
    },
    flush: () => client.flush(),
    close: () => client.close(),
  };
}
