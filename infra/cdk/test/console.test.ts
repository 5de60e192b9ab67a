import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rows } from '../lib/alarms.ts';
import { Names } from '../lib/names.ts';
import { QUERIES } from '../lib/queries.ts';
import { type Json, filled, list, object, source, stage, text, world } from './world.ts';

const names = new Names('paper');
const { console: live } = world(stage('live'));

function widgets(): readonly Json[] {
  const [dashboard] = live.of('AWS::CloudWatch::Dashboard');
  assert.equal(dashboard?.properties['DashboardName'], 'tradai-paper');
  return list(object(JSON.parse(filled(dashboard?.properties['DashboardBody'])))['widgets']);
}

/** Everything that the functions and the vocabulary are written in. */
function rust(): string {
  const tops = ['functions/decide', 'functions/execute', 'functions/heartbeat', 'functions/reconcile', 'shared'];
  const root = join(import.meta.dirname, '../../..');
  const files = tops.flatMap((top) =>
    readdirSync(join(root, top, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.rs'))
      .map((file) => `${top}/src/${file}`),
  );
  return files.map(source).join('\n');
}

test('the dashboard asks the questions of somebody on call, in their order', () => {
  const texts = widgets().map(object).filter((one) => one['type'] === 'text');
  const headings = texts.map((one) => text(object(one['properties'])['markdown']).split('\n')[0]);
  assert.deepEqual(headings, [
    '# tradai-paper', '## 1. Is it alive?', '## 2. Is money safe?', '## 3. Is the model sane?', '## 4. What does it cost?',
  ]);
  const head = text(object(texts[0]?.['properties'])['markdown']);
  assert.match(head, /runbook\.md#emergency-stop/);
  for (const of of ['decide', 'execute', 'heartbeat', 'reconcile']) {
    assert.ok(head.includes(`log-group/$252Faws$252Flambda$252Ftradai-paper-${of}`), of);
  }
});

test('every alarm is on the dashboard once', () => {
  const shown = widgets().map(object).filter((one) => one['type'] === 'alarm');
  const alarms = shown.flatMap((one) => list(object(one['properties'])['alarms']).map(text));
  const arns = rows(names).map((row) => `arn:aws:cloudwatch:eu-central-1:123456789012:alarm:tradai-paper-${row.name}`);
  assert.deepEqual([...alarms].sort(), [...arns].sort());
});

test('a saved query looks for what the functions say', () => {
  const code = rust();
  for (const { name, messages } of QUERIES) {
    for (const message of messages) assert.ok(code.includes(`"${message}"`), `${name}: nobody says "${message}"`);
  }
});

test('what the runbook looks for in the logs is in a saved query', () => {
  const looked = [...source('docs/runbook.md').matchAll(/Logs of \w+: ((?:`[^`]+`[^.`]*)+)/g)].flatMap(([, quoted]) =>
    [...quoted!.matchAll(/`([a-z' ]+ [a-z ]+)`/g)].map(([, message]) => message!),
  );
  assert.ok(looked.length >= 10, looked.join());
  const said = new Set(QUERIES.flatMap((query) => query.messages));
  const code = rust();
  const missing = looked.filter((message) => !said.has(message) && code.includes(`"${message}"`));
  assert.deepEqual(missing, []);
});

test('queries are saved under the name of the stage and read its logs', () => {
  for (const [index, { properties }] of live.of('AWS::Logs::QueryDefinition').entries()) {
    assert.ok(text(properties['Name']).startsWith('tradai-paper/'));
    const groups = QUERIES[index]?.of.map((name) => `/aws/lambda/tradai-paper-${name}`);
    assert.deepEqual(properties['LogGroupNames'], groups);
  }
});

test('a bill above the budget is told to the alerts topic', () => {
  const [budget] = live.of('AWS::Budgets::Budget');
  assert.deepEqual(object(budget?.properties['Budget'])['BudgetLimit'], { Amount: 20, Unit: 'USD' });
  for (const one of list(budget?.properties['NotificationsWithSubscribers']).map(object)) {
    const told = list(one['Subscribers']).map(object).map((who) => [who['SubscriptionType'], filled(who['Address'])]);
    assert.deepEqual(told, [['SNS', 'arn:aws:sns:eu-central-1:123456789012:tradai-paper-alerts']]);
  }
});
