// launchdarkly-js-client-sdk 3.x, in a page.
import { initialize } from 'launchdarkly-js-client-sdk';
import { driven, optionsFor } from './js-3.mjs';

export default async function connect(config, changed) {
  const options = optionsFor(config);
  const taken = counter();
  if (options.useReport) {
    options.inspectors = [{ type: 'flag-details-changed', name: 'taken', method: taken.count }];
  }
  const client = initialize(config.credential, config.context, options);
  client.on('change', changed);
  await client.waitForInitialization(10);
  if (!options.useReport) return driven(client);

  // A stream then says only that there is something to ask for, first when it begins. The library takes the answers to
  // two such requests for each other, so the next context waits for what the stream of the last one began with.
  await taken.reaches(2);
  return {
    ...driven(client),
    async identify(context) {
      taken.reset();
      await client.identify(context);
      await taken.reaches(2);
    },
  };
}

function counter() {
  let now = 0;
  let wake = () => {};
  return {
    count() {
      now += 1;
      wake();
    },
    reset() {
      now = 0;
    },
    async reaches(number) {
      while (now < number) await new Promise((resolve) => (wake = resolve));
    },
  };
}
