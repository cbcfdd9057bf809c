// @launchdarkly/react-sdk 4.x, in a page: changes are seen when a component that uses its hooks is drawn anew.
import { createLDReactProvider, useFlags, useInitializationStatus, useLDClient } from '@launchdarkly/react-sdk';
import { createElement, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { driven, optionsFor } from './js-4.mjs';

export default async function connect(config, changed) {
  const LDProvider = createLDReactProvider(config.credential, config.context, {
    ldOptions: { ...optionsFor(config), useCamelCaseFlagKeys: false },
    startOptions: { timeout: 10 },
  });
  const client = await new Promise((resolve, reject) => {
    function Shown() {
      const given = useLDClient();
      const flags = useFlags();
      const { status, error } = useInitializationStatus();
      useEffect(changed, [flags]);
      useEffect(() => {
        if (status === 'complete') resolve(given);
        else if (status !== 'initializing') reject(error ?? new Error(status));
      }, [status]);
      return status;
    }
    createRoot(document.getElementById('root')).render(createElement(LDProvider, null, createElement(Shown)));
  });
  return driven(client);
}
