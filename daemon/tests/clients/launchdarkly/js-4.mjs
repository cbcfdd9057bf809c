// What the clients of @launchdarkly/js-client-sdk 4.x have in common: the one for browsers and the one for React.

/** Their options; with `options.dataSystem` they speak FDv2. */
export function optionsFor({ url, options }) {
  return {
    baseUri: url,
    streamUri: url,
    eventsUri: url,
    diagnosticOptOut: true,
    streaming: true,
    streamInitialReconnectDelay: 0.1,
    withReasons: true,
    ...options,
  };
}

/** What we drive, of one that has its flags. */
export function driven(client) {
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
