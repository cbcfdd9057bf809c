// Runs a client of ours in a host: node run.mjs HOST FILE CONFIG, commands on standard input, answers on standard output.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [, , host, file, config] = process.argv;

async function* commands() {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) yield JSON.parse(line);
  }
}

const tell = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
// Libraries log to the console, and standard output is ours.
for (const level of ['log', 'info', 'debug']) console[level] = console.error;

if (host === 'node') {
  const [{ drive }, client] = await Promise.all([import('./drive.mjs'), import(pathToFileURL(file))]);
  await drive(client.default, JSON.parse(config), commands(), tell);
} else {
  const { run } = await import(`./host/${host}.mjs`);
  await run(file, config, commands(), tell);
}
process.stdout.write('', () => process.exit(0));
