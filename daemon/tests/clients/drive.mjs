// What every JavaScript client is driven by: commands in, one answer each out; the same in Node and in a browser.
//
// A client is a module whose default export connects it: `connect(config, changed)` with
// `config = {url, credential, context, options}` resolves, once the client has its flags, to
//   detail(flag, fallback, context)  what the flag is: {value, variation, reason}
//   identify(context)                where a client is of one context at a time
//   hash(context)                    on a server: what secure mode asks of a page
//   flush()                          sends its events
//   close()
// It calls `changed()` whenever the library says that flags may have changed.

/** Answers commands until there are no more: `commands` is an async iterable of objects, `tell` sends one. */
export async function drive(connect, config, commands, tell) {
  let signal;
  let next = new Promise((resolve) => (signal = resolve));
  const changed = () => {
    signal();
    next = new Promise((resolve) => (signal = resolve));
  };
  let client;
  try {
    client = await connect(config, changed);
    tell({ ready: true });
  } catch (error) {
    tell({ error: said(error) });
    return;
  }

  let current = JSON.stringify(config.context);
  const be = async (context) => {
    const wanted = JSON.stringify(context);
    if (client.identify && wanted !== current) {
      await client.identify(context);
      current = wanted;
    }
  };
  const detail = async (flag, fallback, context) => {
    const { value, variation, reason } = await client.detail(flag, fallback, context);
    return { value: value ?? null, variation: variation ?? null, reason: reason ?? null };
  };
  const doers = {
    async evaluate({ context, flags, times = 1 }) {
      await be(context);
      const found = {};
      for (let i = 0; i < times; i += 1) {
        for (const [flag, fallback] of Object.entries(flags)) {
          found[flag] = await detail(flag, fallback, context);
        }
      }
      return found;
    },
    async until({ context, flag, fallback, value }) {
      await be(context);
      for (;;) {
        const change = next;
        const found = await detail(flag, fallback, context);
        if (JSON.stringify(found.value) === JSON.stringify(value)) return found;
        await change;
      }
    },
    async hash({ context }) {
      return client.hash(context);
    },
    async flush() {
      await client.flush();
    },
    async close() {
      await client.close();
    },
  };
  for await (const command of commands) {
    const [[name, about]] = Object.entries(command);
    try {
      tell({ answer: (await doers[name](about)) ?? null });
    } catch (error) {
      tell({ error: said(error) });
    }
    if (name === 'close') return;
  }
}

function said(error) {
  return `${error?.stack ?? error}`;
}
