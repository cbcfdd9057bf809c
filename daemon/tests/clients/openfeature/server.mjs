// @openfeature/server-sdk with @openfeature/ofrep-provider: every evaluation is a request.
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

import { contextOf, detailOf } from './context.mjs';

export default async function connect({ url, credential }, changed) {
  const headers = [['Authorization', `Bearer ${credential}`]];
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers }));
  const client = OpenFeature.getClient();
  // It hears of no changes.
  const again = setInterval(changed, 20);
  return {
    detail: (flag, fallback, context) => detailOf(client, flag, fallback, contextOf(context)),
    async flush() {},
    async close() {
      clearInterval(again);
      await OpenFeature.close();
    },
  };
}
