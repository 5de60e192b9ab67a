import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FUNCTIONS } from '../lib/contract.ts';
import { KINDS, type Stage } from '../lib/stage.ts';
import { KINDS_OF_STAGE, type World, built, filled, list, object, stage, text, world } from './world.ts';

/** The functions that trade: what runs during a deployment alone is none. */
function functions({ trading }: World) {
  return trading.of('AWS::Lambda::Function').filter((one) => one.properties['FunctionName'] !== 'tradai-paper-servers');
}

test('the four functions run what cargo-lambda builds, small and bounded', () => {
  for (const kind of KINDS_OF_STAGE) {
    const of = functions(world(stage(kind)));
    assert.deepEqual(of.map((one) => one.properties['FunctionName']), FUNCTIONS.map((name) => `tradai-paper-${name}`));
    for (const { properties } of of) {
      assert.deepEqual([properties['Runtime'], properties['Handler'], properties['MemorySize']], ['provided.al2023', 'bootstrap', 128]);
      assert.deepEqual(properties['Architectures'], ['x86_64']);
      // Between what a tick needs and the most that it may overlap the next ones.
      const timeout = Number(properties['Timeout']);
      assert.ok(timeout >= 50 && timeout <= 120, `${timeout}`);
    }
  }
  const arm = functions(world(stage('dev', { architecture: 'arm64' })));
  assert.ok(arm.every((one) => list(one.properties['Architectures'])[0] === 'arm64'));
});

test('each function writes to a log of its own that forgets in time', () => {
  for (const kind of KINDS_OF_STAGE) {
    const { trading } = world(stage(kind));
    const logs = trading.of('AWS::Logs::LogGroup');
    assert.deepEqual(logs.map((one) => one.properties['LogGroupName']), FUNCTIONS.map((name) => `/aws/lambda/tradai-paper-${name}`));
    for (const log of logs) assert.equal(log.properties['RetentionInDays'], Number(KINDS[kind].logs));
    for (const { properties } of functions(world(stage(kind)))) {
      const group = object(object(properties['LoggingConfig'])['LogGroup'])['Ref'];
      assert.ok(logs.some((log) => log.id === group));
    }
  }
});

test('a failed tick is told and never repeated, however the function is called', () => {
  const { trading } = world(stage('live'));
  const rules = trading.of('AWS::Lambda::EventInvokeConfig');
  const qualifiers = rules.map((one) => (one.properties['Qualifier'] === '$LATEST' ? '$LATEST' : 'alias'));
  assert.deepEqual(qualifiers, FUNCTIONS.flatMap(() => ['$LATEST', 'alias']));
  for (const { properties } of rules) {
    assert.deepEqual([properties['MaximumRetryAttempts'], properties['MaximumEventAgeInSeconds']], [0, 60]);
    const told = object(object(properties['DestinationConfig'])['OnFailure'])['Destination'];
    assert.match(filled(told), /:tradai-paper-alerts$/);
  }
});

test('concurrency is reserved where its owner says so, never for one alone, and by default nowhere', () => {
  const reserved = (more: Partial<Stage>) =>
    functions(world(stage('live', more))).map((one) => one.properties['ReservedConcurrentExecutions']);
  assert.deepEqual(reserved({}), [undefined, undefined, undefined, undefined]);
  assert.deepEqual(reserved({ reservedConcurrency: 3 }), [3, 3, 3, 3]);
  assert.throws(() => reserved({ reservedConcurrency: 1 }), /at least 2/);
});

test('schedules invoke the alias of their function at every full period, with no window', () => {
  const { trading } = world(stage('live'));
  const aliases = trading.of('AWS::Lambda::Alias');
  assert.deepEqual(aliases.map((one) => one.properties['Name']), FUNCTIONS.map(() => 'live'));
  const periods = { decide: '*', execute: '*', heartbeat: '*', reconcile: '0/5' };
  const schedules = trading.of('AWS::Scheduler::Schedule');
  assert.equal(schedules.length, FUNCTIONS.length);
  for (const [index, name] of FUNCTIONS.entries()) {
    const { properties } = schedules[index]!;
    assert.equal(properties['ScheduleExpression'], `cron(${periods[name]} * * * ? *)`);
    assert.deepEqual([properties['FlexibleTimeWindow'], properties['State']], [{ Mode: 'OFF' }, 'ENABLED']);
    const target = object(properties['Target']);
    assert.deepEqual(target['Arn'], { Ref: aliases[index]?.id });
    assert.deepEqual(target['RetryPolicy'], { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 });
    const letters = list(object(object(target['DeadLetterConfig'])['Arn'])['Fn::GetAtt'])[0];
    const queue = trading.of('AWS::SQS::Queue').find((one) => one.id === letters);
    assert.equal(queue?.properties['QueueName'], `tradai-paper-${name}-undelivered`);
  }
});

test('a schedule per shard, each with its constant event; heartbeat has one', () => {
  const { trading } = world(stage('live', { shards: 3 }));
  const events = trading.of('AWS::Scheduler::Schedule').map(({ properties }) => {
    const name = text(properties['Name']).replace(/^tradai-paper-/, '');
    return [name, text(object(properties['Target'])['Input'])];
  });
  const event = (shard: number, of: number) =>
    `{"shard":${shard},"of":${of},"scheduled_at":"<aws.scheduler.scheduled-time>"}`;
  const three = (name: string) => [0, 1, 2].map((shard) => [`${name}-${shard}`, event(shard, 3)]);
  assert.deepEqual(events, [...three('decide'), ...three('execute'), ['heartbeat-0', event(0, 1)], ...three('reconcile')]);
});

test('in live execute and reconcile leave by one fixed address, and nobody else does', () => {
  const { state, trading } = world(stage('live'));
  const inside = functions({ state, trading } as World).filter((one) => 'VpcConfig' in one.properties);
  assert.deepEqual(inside.map((one) => one.properties['FunctionName']), ['tradai-paper-execute', 'tradai-paper-reconcile']);
  assert.deepEqual([state.of('AWS::EC2::NatGateway').length, state.of('AWS::EC2::EIP').length], [1, 1]);
  const [group] = state.of('AWS::EC2::SecurityGroup');
  assert.equal(group?.properties['SecurityGroupIngress'], undefined);
  const out = list(group?.properties['SecurityGroupEgress']).map(object).map((rule) => [rule['CidrIp'], rule['FromPort'], rule['ToPort']]);
  assert.deepEqual(out, [['0.0.0.0/0', 443, 443]]);
  assert.equal(state.of('AWS::EC2::VPCEndpoint').length, 1);
});

test('what is not built is a parameter without a default, so that deploying it is refused', () => {
  const parameters = (packages?: string) => {
    const { trading } = world(stage('live'), packages);
    const all = Object.entries(object(trading.template['Parameters'])).filter(([name]) => name !== 'BootstrapVersion');
    for (const [name, parameter] of all) assert.ok(!('Default' in object(parameter)), name);
    return all.length;
  };
  assert.equal(parameters(), 2 * FUNCTIONS.length);
  assert.equal(parameters(built()), 0);
});

test('what is built for another processor is refused before it is deployed', () => {
  const arm = stage('paper', { architecture: 'arm64' });
  assert.throws(() => world(arm, built()), /is built for x86_64, and architecture in stages.ts is arm64: change --target/);
  assert.throws(() => world(stage('paper'), built(0x28)), /an unknown processor \(ELF machine 40\)/);
  world(arm, built(0xb7));
});

test('an alias follows the code: other packages are another version', () => {
  const version = (packages: string) => world(stage('live'), packages).trading.of('AWS::Lambda::Version').map((one) => one.id);
  const [one, same] = [built(), built()];
  assert.deepEqual(version(one), version(same));
  assert.equal(new Set([...version(one), ...version(one)]).size, FUNCTIONS.length);
  for (const kept of world(stage('live'), one).trading.of('AWS::Lambda::Version')) assert.equal(kept.deletionPolicy, 'Retain');
});

test('everything that is wrong with a stage is said at once', () => {
  const wrong = stage('paper', { env: 'Paper!', shards: 0, memoryMb: 64, monthlyBudgetUsd: 0, accounts: ['a/b'] });
  assert.throws(() => world(wrong), /env "Paper!".*"a\/b".*shards: 0.*monthlyBudgetUsd: 0.*memoryMb: 64/);
});
