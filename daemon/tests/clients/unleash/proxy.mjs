// unleash-proxy-client, which asks for its toggles from time to time.
import { UnleashClient } from 'unleash-proxy-client';

/** Unleash's form of a context of one user. */
function contextOf({ kind, key, ...properties }) {
  return { userId: key, properties };
}

export default async function connect({ url, credential, context, options }, changed) {
  const client = new UnleashClient({
    url: `${url}/api/frontend`,
    clientKey: credential,
    appName: 'test',
    refreshInterval: 0.2,
    metricsInterval: 3600,
    context: contextOf(context),
    ...options,
  });
  client.on('update', changed);
  await client.start();
  return {
    async detail(flag, fallback) {
      if (typeof fallback === 'boolean' || fallback === null) {
        return { value: client.isEnabled(flag) };
      }
      const { enabled, payload } = client.getVariant(flag);
      if (!enabled) return { value: fallback };
      const { type, value } = payload;
      return { value: type === 'string' ? value : JSON.parse(value) };
    },
    identify: (other) => client.updateContext(contextOf(other)),
    flush: () => client.sendMetrics(),
    close: () => client.stop(),
  };
}
