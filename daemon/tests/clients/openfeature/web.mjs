// @openfeature/web-sdk with @openfeature/ofrep-web-provider, which hears of changes.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';

import { contextOf, detailOf } from './context.mjs';

export default async function connect({ url, credential, context }, changed) {
  if (!globalThis.EventSource) {
    // Node has none; what is evaluated in a page takes the page's own.
    globalThis.EventSource = (await import('eventsource')).EventSource;
  }
  await OpenFeature.setContext(contextOf(context));
  for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.Ready]) {
    OpenFeature.addHandler(event, changed);
  }
  const headers = [['Authorization', `Bearer ${credential}`]];
  const provider = new OFREPWebProvider({ baseUrl: url, headers, cacheMode: 'disabled' });
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();
  return {
    detail: (flag, fallback) => detailOf(client, flag, fallback),
    identify: (other) => OpenFeature.setContext(contextOf(other)),
    async flush() {},
    close: () => OpenFeature.close(),
  };
}
