import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TABLES, TOPICS } from '../lib/contract.ts';
import { permissions } from './permissions.ts';
import { KINDS_OF_STAGE, list, object, stage, text, world } from './world.ts';

const STATEFUL = [
  'AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret', 'AWS::KMS::Key', 'AWS::Logs::LogGroup', 'AWS::EC2::EIP',
];

test('the tables are those of the contract, with their keys and expiry', () => {
  for (const kind of KINDS_OF_STAGE) {
    const tables = world(stage(kind)).state.of('AWS::DynamoDB::Table');
    const found = tables.map(({ properties }) => {
      const keys = Object.fromEntries(list(properties['KeySchema']).map(object).map((key) => [key['KeyType'], key['AttributeName']]));
      const expiry = properties['TimeToLiveSpecification'];
      return {
        name: text(properties['TableName']).replace(/^tradai-(.*)-paper$/, '$1'),
        hashKey: keys['HASH'],
        rangeKey: keys['RANGE'] ?? null,
        expiresBy: expiry === undefined ? null : object(expiry)['AttributeName'],
      };
    });
    assert.deepEqual(found, TABLES.map(({ name, hashKey, rangeKey, expiresBy }) => ({ name, hashKey, rangeKey, expiresBy })));
    for (const { properties } of tables) {
      const types = list(properties['AttributeDefinitions']).map((one) => object(one)['AttributeType']);
      assert.ok(types.every((type) => type === 'S'));
      assert.equal(properties['BillingMode'], 'PAY_PER_REQUEST');
      assert.deepEqual(properties['PointInTimeRecoverySpecification'], { PointInTimeRecoveryEnabled: true });
      assert.ok(!('GlobalSecondaryIndexes' in properties) && !('LocalSecondaryIndexes' in properties));
    }
  }
});

test('outside dev nothing that holds state can be deleted by mistake', () => {
  for (const kind of ['paper', 'live'] as const) {
    const { state, trading } = world(stage(kind));
    const held = [...state.resources, ...trading.resources].filter((one) => STATEFUL.includes(one.type));
    assert.ok(held.length >= TABLES.length + 4);
    // Kept, but for what a first deployment that fails has made: it would stand in the way of the next one.
    for (const one of held) assert.equal(one.deletionPolicy, 'RetainExceptOnCreate', `${kind} ${one.id}`);
    for (const table of state.of('AWS::DynamoDB::Table')) assert.equal(table.properties['DeletionProtectionEnabled'], true);
  }
});

test('a dev stage goes without a trace', () => {
  const { state, trading } = world(stage('dev'));
  for (const one of [...state.resources, ...trading.resources].filter((one) => STATEFUL.includes(one.type))) {
    assert.equal(one.deletionPolicy, 'Delete', one.id);
    assert.notEqual(one.properties['DeletionProtectionEnabled'], true, one.id);
  }
});

test('alarms and budgets may use the key and both topics, for this account alone', () => {
  const { state } = world(stage('live'));
  const services = ['budgets.amazonaws.com', 'cloudwatch.amazonaws.com'];
  const all = permissions(world(stage('live')));
  const fromServices = all.filter((one) => {
    const principal = one.statement['Principal'];
    return typeof principal === 'object' && object(principal)['Service'] !== undefined;
  });
  const key = fromServices.filter((one) => one.of.startsWith('topickey'));
  assert.deepEqual(key.map((one) => one.action), ['kms:Decrypt', 'kms:GenerateDataKey*']);
  const topics = fromServices.filter((one) => one.action === 'sns:Publish');
  assert.equal(topics.length, TOPICS.length);
  for (const { statement } of [...key, ...topics]) {
    assert.deepEqual([...list(object(statement['Principal'])['Service'])].sort(), services);
    assert.deepEqual(statement['Condition'], { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } });
  }
  for (const topic of state.of('AWS::SNS::Topic')) {
    assert.deepEqual(Object.keys(object(topic.properties['KmsMasterKeyId'])), ['Fn::GetAtt'], topic.id);
  }
  assert.equal(state.of('AWS::KMS::Key')[0]?.properties['EnableKeyRotation'], true);
});

test('topics and queues are reached over TLS alone', () => {
  for (const { of, effect, condition, action } of permissions(world(stage('live')))) {
    if (effect === 'Deny' && /Policy/.test(of) && !of.includes('role')) {
      assert.deepEqual(condition, { Bool: { 'aws:SecureTransport': 'false' } }, `${of} ${action}`);
    }
  }
  const { state, trading } = world(stage('live'));
  assert.equal(state.of('AWS::SNS::TopicPolicy').length, TOPICS.length);
  assert.equal(trading.of('AWS::SQS::QueuePolicy').length, trading.of('AWS::SQS::Queue').length);
  for (const queue of trading.of('AWS::SQS::Queue')) assert.equal(queue.properties['SqsManagedSseEnabled'], true);
});

test('no template holds a secret: its owner fills it, or AWS makes it up', () => {
  const secrets = world(stage('live')).state.of('AWS::SecretsManager::Secret');
  const shapes = secrets.map(({ properties }) => [properties['Name'], Object.keys(properties).sort().join()]);
  assert.deepEqual(shapes, [
    ['tradai/paper/approval', 'GenerateSecretString,Name,Tags'],
    ['tradai/paper/llm/anthropic', 'Name,Tags'],
    ['tradai/paper/main/trade', 'Name,Tags'],
    ['tradai/paper/main/read', 'Name,Tags'],
  ]);
  const made = object(secrets[0]?.properties['GenerateSecretString']);
  assert.deepEqual([made['SecretStringTemplate'], made['GenerateStringKey']], ['{}', 'api_key']);
});

test('a stage without exchange accounts has no exchange secret', () => {
  const secrets = world(stage('paper', { accounts: [] })).state.of('AWS::SecretsManager::Secret');
  assert.deepEqual(secrets.map((one) => one.properties['Name']), ['tradai/paper/approval', 'tradai/paper/llm/anthropic']);
});

test('outside dev a stage that pages nobody asks for an address when it is deployed', () => {
  const asks = (kind: 'dev' | 'paper' | 'live', alerts: readonly string[]) => {
    const { state } = world(stage(kind, { mail: { alerts, notifications: [] } }));
    const asked = object(state.template['Parameters'] ?? {})['AlertsMail'];
    assert.ok(asked === undefined || !('Default' in object(asked)));
    return [asked !== undefined, state.of('AWS::SNS::Subscription').length];
  };
  assert.deepEqual(asks('dev', []), [false, 0]);
  assert.deepEqual(asks('paper', []), [true, 1]);
  assert.deepEqual(asks('live', []), [true, 1]);
  assert.deepEqual(asks('live', ['a@example.com', 'b@example.com']), [false, 2]);
});
