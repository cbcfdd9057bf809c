// A page in Chromium without a window, of another origin than the daemon, spoken to over the DevTools pipe.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const program = join(dirname(fileURLToPath(import.meta.url)), '../../../../.tools/bin/chromium');

/** Starts Chromium; `heard(message)` gets its events, and the answer is how to call it. */
function browser(profile, heard) {
  const flags = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--no-first-run',
    '--disable-gpu', '--disable-dev-shm-usage', '--disable-extensions', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-default-browser-check', '--mute-audio'];
  // As root it does not start with its sandbox.
  if (process.getuid?.() === 0) flags.push('--no-sandbox');
  const child = spawn(program, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [, , , to, from] = child.stdio;
  const calls = new Map();
  let rest = '';
  let count = 0;
  from.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages.map((m) => JSON.parse(m))) {
      const call = calls.get(message.id);
      calls.delete(message.id);
      if (!call) heard(message);
      else if (message.error) call.reject(new Error(message.error.message));
      else call.resolve(message.result);
    }
  });
  const call = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      count += 1;
      calls.set(count, { resolve, reject });
      to.write(`${JSON.stringify({ id: count, method, params, sessionId })}\0`);
    });
  return { child, call };
}

function serve(script) {
  const server = createServer((request, response) => {
    const page = request.url === '/';
    response.setHeader('content-type', page ? 'text/html; charset=utf-8' : 'text/javascript; charset=utf-8');
    response.end(page ? '<!doctype html><title>client</title><div id="root"></div><script src="/client.js"></script>' : script);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Drives a client in a page. */
export async function run(file, config, commands, tell) {
  const profile = mkdtempSync(join(tmpdir(), 'flagstaff-chromium-'));
  const server = await serve(await bundle(file, config));
  let told = () => {};
  const heard = ({ method, params }) => {
    if (method === 'Runtime.bindingCalled') {
      tell(JSON.parse(params.payload));
      told();
    } else if (method === 'Runtime.exceptionThrown') {
      tell({ error: params.exceptionDetails.exception?.description ?? params.exceptionDetails.text });
    } else if (method === 'Runtime.consoleAPICalled') {
      console.error('page:', ...params.args.map((arg) => arg.value ?? arg.description));
    } else if (method === 'Log.entryAdded') {
      console.error('page:', params.entry.text, params.entry.url ?? '');
    }
  };
  const { child, call } = browser(profile, heard);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('error', (error) => tell({ error: `${program}: ${error.message}; run scripts/tools chromium` }));
  try {
    const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
    const inPage = (method, params) => call(method, params, sessionId);
    await inPage('Runtime.enable');
    await inPage('Log.enable');
    await inPage('Runtime.addBinding', { name: 'tell' });
    const ready = new Promise((resolve) => (told = resolve));
    await inPage('Page.navigate', { url: `http://127.0.0.1:${server.address().port}/` });
    await ready;
    for await (const command of commands) {
      const answered = new Promise((resolve) => (told = resolve));
      await inPage('Runtime.evaluate', { expression: `receive(${JSON.stringify(JSON.stringify(command))})` });
      await answered;
      if ('close' in command) break;
    }
  } finally {
    // In order: its own processes write into the profile until they have ended.
    call('Browser.close').catch(() => child.kill());
    await ended;
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
