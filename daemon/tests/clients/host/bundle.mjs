// A client and what drives it as one script for a page, that calls `tell(text)` and is told by `receive(text)`.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

const entry = (file, config) => `
  import connect from ${JSON.stringify(file)};
  import { drive } from '../drive.mjs';
  const waiting = [];
  let wake = () => {};
  window.receive = (text) => { waiting.push(JSON.parse(text)); wake(); };
  async function* commands() {
    for (;;) {
      while (waiting.length) yield waiting.shift();
      await new Promise((resolve) => (wake = resolve));
    }
  }
  drive(connect, ${config}, commands(), (object) => window.tell(JSON.stringify(object)));
`;

/** The script's text. */
export async function bundle(file, config) {
  const result = await build({
    stdin: { contents: entry(file, config), resolveDir: here, sourcefile: 'page.mjs' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"' },
    nodePaths: [join(here, '../node_modules')],
    preserveSymlinks: true,
    logLevel: 'error',
  });
  return result.outputFiles[0].text;
}
