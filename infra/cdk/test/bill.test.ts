import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FUNCTIONS } from '../lib/contract.ts';
import { KINDS, type Stage } from '../lib/stage.ts';
import { STAGES } from '../stages.ts';
import { type Resource, list, object, world } from './world.ts';

const FILE = join(import.meta.dirname, '../bill.json');

const ofAllStacks = (stage: Stage): readonly Resource[] => Object.values(world(stage)).flatMap((stack) => stack.resources);

/** How many resources of each type a stage is made of, and what its functions are given: `tradai cost` prices it. */
function billed(stage: Stage) {
  const all = ofAllStacks(stage);
  const types = [...new Set(all.map((one) => one.type))].sort();
  const functions = FUNCTIONS.map((name) => {
    const made = all.filter((one) => one.type === 'AWS::Lambda::Function' && `${one.properties['FunctionName']}`.endsWith(`-${name}`));
    assert.equal(made.length, 1, name);
    const { MemorySize, Timeout } = made[0]?.properties ?? {};
    return [name, { memoryMb: MemorySize, timeoutSeconds: Timeout }];
  });
  return {
    accounts: stage.accounts.length,
    architecture: stage.architecture,
    functions: Object.fromEntries(functions),
    logDays: KINDS[stage.kind].logs,
    resources: Object.fromEntries(types.map((type) => [type, all.filter((one) => one.type === type).length])),
  };
}

/** What is deployed and what is priced are the same: `UPDATE=1 npm test` writes the file anew. */
test('bill.json counts what the templates hold', () => {
  const made = `${JSON.stringify(Object.fromEntries(STAGES.map((stage) => [stage.kind, billed(stage)])), null, 1)}\n`;
  if (process.env['UPDATE'] !== undefined) writeFileSync(FILE, made);
  assert.equal(made, readFileSync(FILE, 'utf8'), `${FILE}: UPDATE=1 npm test, and run tradai cost`);
  assert.equal(new Set(STAGES.map((stage) => stage.kind)).size, STAGES.length, 'two stages of a kind have one bill');
});

/** The price of a type is that of its usual form: others cost more, or are counted otherwise. */
test('what is priced by its type alone is of the usual form', () => {
  for (const { id, type, properties } of STAGES.flatMap(ofAllStacks)) {
    if (type === 'AWS::CloudWatch::Alarm') {
      assert.ok(Number(properties['Period']) >= 60 && properties['MetricName'] !== undefined, `${id}: one metric, by the minute`);
    }
    if (type === 'AWS::DynamoDB::Table') {
      assert.equal(properties['BillingMode'], 'PAY_PER_REQUEST', id);
      assert.deepEqual(list(properties['GlobalSecondaryIndexes']), [], id);
      assert.equal(object(properties['PointInTimeRecoverySpecification'])['PointInTimeRecoveryEnabled'], true, id);
    }
    if (type === 'AWS::Lambda::Function') assert.equal(properties['EphemeralStorage'], undefined, id);
    if (type === 'AWS::Lambda::Alias') assert.equal(properties['ProvisionedConcurrencyConfig'], undefined, id);
    if (type === 'AWS::EC2::VPCEndpoint') assert.notEqual(properties['VpcEndpointType'], 'Interface', id);
  }
});
