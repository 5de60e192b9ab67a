import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { STAGES } from '../stages.ts';
import { world } from './world.ts';

const FOLDER = join(import.meta.dirname, 'snapshots');

/** What is deployed changes where somebody sees it: `UPDATE=1 npm test` writes the templates anew. */
for (const stage of STAGES) {
  test(`the templates of ${stage.env} are those that were reviewed`, () => {
    for (const [name, { template }] of Object.entries(world(stage))) {
      const file = join(FOLDER, `${stage.env}-${name}.json`);
      const made = `${JSON.stringify(template, null, 1)}\n`;
      if (process.env['UPDATE'] !== undefined) {
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(file, made);
      }
      assert.equal(made, readFileSync(file, 'utf8'), `${file}: UPDATE=1 npm test, and read what changed`);
    }
  });
}
