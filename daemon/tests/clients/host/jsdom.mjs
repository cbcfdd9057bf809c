// A page in Node: jsdom's document and requests, and of Node and `eventsource` what jsdom has not.
import { webcrypto } from 'node:crypto';
import { EventSource } from 'eventsource';
import { JSDOM, VirtualConsole } from 'jsdom';
import { bundle } from './bundle.mjs';

/** Drives a client in a page. */
export async function run(file, config, commands, tell) {
  const console_ = new VirtualConsole().sendTo(console, { omitJSDOMErrors: false });
  const { window } = new JSDOM('<!doctype html><div id="root"></div>', {
    url: 'http://localhost:8000/',
    runScripts: 'outside-only',
    pretendToBeVisual: true,
    virtualConsole: console_,
  });
  let told = () => {};
  const lent = { fetch, Headers, Request, Response, EventSource, TextEncoder, TextDecoder, AbortController, AbortSignal };
  Object.assign(window, lent);
  Object.defineProperty(window, 'crypto', { value: webcrypto });
  window.tell = (text) => {
    tell(JSON.parse(text));
    told();
  };
  const ready = new Promise((resolve) => (told = resolve));
  window.eval(await bundle(file, config));
  await ready;
  for await (const command of commands) {
    const answered = new Promise((resolve) => (told = resolve));
    window.receive(JSON.stringify(command));
    await answered;
    if ('close' in command) break;
  }
  window.close();
}
