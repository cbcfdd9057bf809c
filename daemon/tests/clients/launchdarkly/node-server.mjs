// @launchdarkly/node-server-sdk; with `options.dataSystem` it speaks FDv2.
import { init } from '@launchdarkly/node-server-sdk';

export default async function connect({ url, credential, options }, changed) {
  const client = init(credential, {
    baseUri: url,
    streamUri: url,
    eventsUri: url,
    diagnosticOptOut: true,
    streamInitialReconnectDelay: 0.1,
    ...options,
  });
  client.on('update', changed);
  await client.waitForInitialization({ timeout: 10 });
  return {
    async detail(flag, fallback, context) {
      const { value, variationIndex, reason } = await client.variationDetail(flag, context, fallback);
      return { value, variation: variationIndex, reason };
    },
    hash: (context) => client.secureModeHash(context),
    flush: () => client.flush(),
    close: () => client.close(),
  };
}
