import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import cdkJson from '../cdk.json' with { type: 'json' };
import { addStage } from '../lib/account.ts';
import { type Json, KINDS_OF_STAGE, NOTHING_BUILT, list, object, stage, text } from './world.ts';

/**
 * Wildcards in permissions: wildcards.ts has each with its reason, and least-privilege.test.ts compares them exactly,
 * of roles and of people, which is more than this rule does.
 */
const COMPARED_ELSEWHERE = 'AwsSolutions-IAM5[';

/** What the pack finds that nobody gave a reason for, as `rule: construct`. */
function findings(kind: (typeof KINDS_OF_STAGE)[number]): readonly string[] {
  const outdir = mkdtempSync(join(tmpdir(), 'tradai-nag-'));
  const app = new App({ context: cdkJson.context, analyticsReporting: false, outdir });
  addStage(app, stage(kind), NOTHING_BUILT);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  try {
    // Says all of it in one error, and writes it into a file first.
    app.synth();
  } catch (error) {
    if (!String(error).startsWith('ValidationFailed')) throw error;
  }
  const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as Json;
  rmSync(outdir, { recursive: true });
  const plugins = list(object(report)['pluginReports']).map(object);
  assert.ok(plugins.some((one) => one['pluginName'] === 'AwsSolutions'), 'the pack was asked');
  const violations = plugins.flatMap((plugin) => list(plugin['violations']).map(object));
  const found = violations.flatMap(({ ruleName, violatingConstructs }) =>
    list(violatingConstructs).map((at) => `${text(ruleName)}: ${text(object(at)['constructPath'])}`),
  );
  return found.filter((one) => !one.startsWith(COMPARED_ELSEWHERE));
}

for (const kind of KINDS_OF_STAGE) {
  test(`AWS's own rules for solutions find nothing in ${kind} without a reason`, () => {
    assert.deepEqual(findings(kind), []);
  });
}
