// unleash-proxy-client, which asks for its toggles from time to time.
import { UnleashClient } from 'unleash-proxy-client';

/** Unleash's form of a context of one user. */
function contextOf({ kind, key, ...properties }) {
  return { userId: key, properties };
}

export default async function connect({ url, credential, context, options }, changed) {
  let answers = 0;
  const counted = async (...asked) => {
    const answer = await fetch(...asked);
    if (answer.status === 304) answers += 1;
    return answer;
  };
  const client = new UnleashClient({
    url: `${url}/api/frontend`,
    clientKey: credential,
    appName: 'test',
    refreshInterval: 0.4,
    fetch: counted,
    metricsInterval: 3600,
    context: contextOf(context),
    ...options,
  });
  client.on('update', () => {
    answers += 1;
    changed();
  });
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
    async identify(other) {
      // It gives up a request when its timer makes the next one, and does not say so.
      const before = answers;
      do {
        await client.updateContext(contextOf(other));
      } while (answers === before);
    },
    flush: () => client.sendMetrics(),
    close: () => client.stop(),
  };
}
