// What the clients of launchdarkly-js-sdk-common have in common: those for browsers 3.x, Node and React 3.x.

/** Their options. */
export function optionsFor({ url, options }) {
  return {
    baseUrl: url,
    streamUrl: url,
    eventsUrl: url,
    diagnosticOptOut: true,
    evaluationReasons: true,
    streaming: true,
    streamReconnectDelay: 100,
    // Short enough to be served for a client that was never flushed, too.
    flushInterval: 2000,
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
    identify: (context) => client.identify(context),
    flush: () => client.flush(),
    close: () => client.close(),
  };
}
