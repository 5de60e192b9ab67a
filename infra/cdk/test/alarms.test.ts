import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anchor, rows } from '../lib/alarms.ts';
import { FUNCTIONS, SIGNALS, periodMinutes } from '../lib/contract.ts';
import { Names } from '../lib/names.ts';
import { type Resource, filled, list, object, source, stage, text, world } from './world.ts';

const names = new Names('paper');
const all = world(stage('live')).trading.of('AWS::CloudWatch::Alarm');
const OF_FUNCTIONS = ['errors', 'silent', 'throttled', 'undelivered'];

function alarm(name: string): Resource {
  const found = all.filter((one) => one.properties['AlarmName'] === `tradai-paper-${name}`);
  assert.equal(found.length, 1, `${name}: ${found.length} alarms`);
  return found[0]!;
}

/** What Rust says of a signal's severity. */
function severities(): ReadonlyMap<string, string> {
  const rust = source('shared/src/signal.rs');
  const spelled = new Map([...rust.matchAll(/Signal::(\w+) => "([a-z0-9-]+)"/g)].map(([, name, said]) => [name!, said!]));
  const body = /fn severity\(self\)[^{]*\{([\s\S]*?)\n {4}\}/.exec(rust)?.[1] ?? '';
  const arms = [...body.matchAll(/((?:\s*\|?\s*Signal::\w+)+) => Severity::(\w+)/g)];
  return new Map(
    arms.flatMap(([, of, severity]) =>
      [...of!.matchAll(/Signal::(\w+)/g)].map(([, name]) => [spelled.get(name!)!, severity!.toLowerCase()] as const),
    ),
  );
}

test('each signal and each way in which a function fails has exactly one alarm, and there is no other', () => {
  const expected = [...SIGNALS, ...FUNCTIONS.flatMap((of) => OF_FUNCTIONS.map((what) => `${of}-${what}`))];
  for (const name of expected) alarm(name);
  assert.equal(all.length, expected.length);
});

test('every alarm leads to a heading that the runbook has', () => {
  const headings = source('docs/runbook.md').split('\n').filter((line) => line.startsWith('#'));
  const anchors = new Set(headings.map((line) => anchor(line.replace(/^#+ /, ''))));
  for (const row of rows(names)) {
    const description = text(alarm(row.name).properties['AlarmDescription']);
    const linked = /docs\/runbook\.md#([a-z0-9-]+)$/.exec(description)?.[1] ?? '';
    assert.ok(anchors.has(linked), `${row.name}: no heading #${linked}`);
    assert.ok(linked.endsWith(anchor(row.name.replace(/^(decide|execute|heartbeat|reconcile)-(?=errors|silent|throttled|undelivered)/, ''))), linked);
  }
});

test('a signal of severity page in Rust is one here', () => {
  const rust = severities();
  assert.deepEqual([...rust.keys()].sort(), [...SIGNALS].sort());
  for (const row of rows(names).filter((row) => SIGNALS.includes(row.name))) {
    assert.equal(row.severity, rust.get(row.name), row.name);
    assert.match(text(alarm(row.name).properties['AlarmDescription']), new RegExp(`^\\[${row.severity}\\]`));
  }
});

test('signals tell of themselves by day; what holds when nothing of ours runs pages', () => {
  for (const one of all) {
    const name = text(one.properties['AlarmName']).replace('tradai-paper-', '');
    const topics = list(one.properties['AlarmActions']).map((action) => filled(action).split(':').at(-1));
    const ours = SIGNALS.includes(name) && name !== 'pages-undelivered';
    assert.deepEqual(topics, [ours ? 'tradai-paper-notifications' : 'tradai-paper-alerts'], name);
    assert.notEqual(one.properties['ActionsEnabled'], false, name);
  }
});

test('every alarm says what silence means, and silence is never health where beats are watched', () => {
  const means = (name: string) => alarm(name).properties['TreatMissingData'];
  for (const one of all) assert.ok(['breaching', 'ignore', 'notBreaching'].includes(text(one.properties['TreatMissingData'])));
  for (const name of ['heartbeat-stale', 'pages-undelivered']) assert.equal(means(name), 'breaching');
  for (const of of FUNCTIONS) assert.equal(means(`${of}-silent`), 'breaching');
  // A signal that is not put any more does not clear its alarm.
  for (const name of SIGNALS) assert.notEqual(means(name), 'notBreaching', name);
});

test('a signal is looked for where heartbeat puts it', () => {
  for (const name of SIGNALS) {
    const { Namespace, MetricName, Dimensions, Statistic, Period } = alarm(name).properties;
    assert.deepEqual(
      [Namespace, MetricName, Dimensions, Statistic, Period],
      ['tradai', name, [{ Name: 'Env', Value: 'paper' }], 'Maximum', 60],
    );
  }
});

test('thresholds are those of the contract', () => {
  const above: Record<string, number> = { 'risk-rejections': 10, 'backend-errors': 5, 'daily-orders': 80, 'latency-p99': 1 };
  for (const name of SIGNALS) {
    const { Threshold, ComparisonOperator, EvaluationPeriods } = alarm(name).properties;
    assert.deepEqual([Threshold, ComparisonOperator, EvaluationPeriods], [above[name] ?? 0, 'GreaterThanThreshold', 1], name);
  }
});

test('a function that is not invoked for three of its periods is silent', () => {
  for (const of of FUNCTIONS) {
    const { Namespace, MetricName, Dimensions, Period, Threshold, ComparisonOperator, ...more } = alarm(`${of}-silent`).properties;
    assert.deepEqual([Namespace, MetricName, Threshold, ComparisonOperator], ['AWS/Lambda', 'Invocations', 1, 'LessThanThreshold']);
    assert.deepEqual(Dimensions, [{ Name: 'FunctionName', Value: `tradai-paper-${of}` }]);
    assert.equal(Period, 60 * periodMinutes(of));
    assert.deepEqual([more['EvaluationPeriods'], more['DatapointsToAlarm']], [3, 3]);
  }
});

test('one letter in a dead-letter queue is an alarm', () => {
  for (const of of FUNCTIONS) {
    const { Namespace, MetricName, Dimensions, Threshold, ComparisonOperator } = alarm(`${of}-undelivered`).properties;
    assert.deepEqual([Namespace, MetricName], ['AWS/SQS', 'ApproximateNumberOfMessagesVisible']);
    assert.deepEqual([Threshold, ComparisonOperator], [0, 'GreaterThanThreshold']);
    const queues = world(stage('live')).trading.of('AWS::SQS::Queue').map((queue) => queue.properties['QueueName']);
    assert.ok(queues.includes(text(object(list(Dimensions)[0])['Value'])));
  }
});
