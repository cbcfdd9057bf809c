// launchdarkly-react-client-sdk 3.x, in a page: what a component that uses its hooks is drawn with.
import { asyncWithLDProvider, useFlags, useLDClient } from 'launchdarkly-react-client-sdk';
import { createElement, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { driven, optionsFor } from './js-3.mjs';

export default async function connect(config, changed) {
  const LDProvider = await asyncWithLDProvider({
    clientSideID: config.credential,
    context: config.context,
    timeout: 10,
    options: optionsFor(config),
    // An event for each read, beside the ones of the client that we ask for reasons, would count twice.
    reactOptions: { useCamelCaseFlagKeys: false, sendEventsOnFlagRead: false },
  });
  let client;
  let drawn;
  await new Promise((resolve) => {
    function Shown() {
      const flags = useFlags();
      const given = useLDClient();
      useEffect(() => {
        [client, drawn] = [given, flags];
        changed();
        resolve();
      }, [flags, given]);
      return JSON.stringify(flags);
    }
    createRoot(document.getElementById('root')).render(createElement(LDProvider, null, createElement(Shown)));
  });
  const inner = driven(client);
  return {
    ...inner,
    async detail(flag, fallback) {
      const detail = await inner.detail(flag, fallback);
      // It is drawn a moment after the client knows; what is never drawn is told as it is.
      const shown = () => drawn[flag] ?? fallback;
      for (let i = 0; i < 100 && !alike(shown(), detail.value); i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return { ...detail, value: shown() };
    },
  };
}

function alike(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
