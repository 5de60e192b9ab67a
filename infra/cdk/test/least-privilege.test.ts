import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FUNCTIONS, type FunctionName, TABLES } from '../lib/contract.ts';
import { Names } from '../lib/names.ts';
import { PROVIDERS } from '../lib/stage.ts';
import { TO_JOIN_NETWORK, WILDCARDS } from '../lib/wildcards.ts';
import { type Permission, permissions, roleOf } from './permissions.ts';
import { KINDS_OF_STAGE, filled, list, object, stage, text, world } from './world.ts';

const names = new Names('paper');
const live = world(stage('live'));
const all = permissions(live);
const allowed = all.filter((one) => one.effect === 'Allow');
const server = { url: 'https://models.example.com/v1', usdPerMillionIn: '0', usdPerMillionOut: '0' };
/** A stage that asks every provider, and servers of its own. */
const asking = stage('live', {
  models: PROVIDERS,
  servers: { 'my-box': server, cloud: server },
  bedrockModels: [{ id: 'amazon.nova-lite-v1:0' }, { id: 'anthropic.claude-haiku-4-5-20251001-v1:0', profile: 'eu' }],
});

function actionsOn(of: FunctionName, resource: string): readonly string[] {
  return roleOf(of, all).filter((one) => one.resource.includes(resource)).map((one) => one.action).sort();
}

/** Whose role may read a secret of this kind. */
function readers(secret: string): readonly string[] {
  const reading = allowed.filter((one) => one.action.startsWith('secretsmanager:Get') && one.resource.includes(secret));
  return reading.map((one) => one.of.replace(/role.*/, '').replace(/[0-9A-F]{8}$/, ''));
}

test('each secret has its own readers and nobody else', () => {
  assert.deepEqual(readers('secretmaintrade'), ['execute']);
  assert.deepEqual(readers('secretmainread'), ['reconcile']);
  assert.deepEqual(readers('secretllmanthropic'), ['decide']);
  assert.deepEqual(readers('secretapproval'), ['execute', 'approver']);
});

test('decide can ask every provider and server that its stage lists, and no other', () => {
  const { state } = world(asking);
  const granted = permissions(world(asking));
  const models = granted.filter((one) => one.action === 'bedrock:InvokeModel');
  assert.ok(models.every((one) => one.of.startsWith('deciderole') && one.effect === 'Allow'));
  assert.deepEqual(models.map((one) => one.resource).sort(), [
    'arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0',
  ]);
  const keyed = [...PROVIDERS.filter((name) => name !== 'bedrock'), 'my-box', 'cloud'];
  const secrets = state.of('AWS::SecretsManager::Secret').filter((one) => text(one.properties['Name']).includes('/llm/'));
  assert.deepEqual(secrets.map((one) => one.properties['Name']), keyed.map((name) => `tradai/paper/llm/${name}`));
  const read = roleOf('decide', granted).filter((one) => one.action.startsWith('secretsmanager:'));
  assert.ok(read.every((one) => one.action === 'secretsmanager:GetSecretValue'));
  assert.equal(read.length, keyed.length);
  for (const { id } of secrets) assert.equal(read.filter((one) => one.resource.includes(`GetAtt${id}Id`)).length, 1, id);
  assert.deepEqual(allowed.filter((one) => one.action.startsWith('bedrock:')), []);
});

test('the stack puts one item into one table, and does nothing else to it', () => {
  const rows = allowed.filter((one) => one.of.startsWith('serversrole'));
  assert.deepEqual(rows.map((one) => [one.action, one.resource, one.condition]), [
    [
      'dynamodb:PutItem',
      `arn:aws:dynamodb:eu-central-1:123456789012:table/${names.table('ledgers')}`,
      { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['servers#llm'] } },
    ],
  ]);
});

test('a function is invoked by its schedule and by operators alone', () => {
  for (const of of FUNCTIONS) {
    const invoking = allowed.filter((one) => one.action === 'lambda:InvokeFunction' && one.resource.includes(of));
    const who = new Set(invoking.map((one) => one.of.replace(/roleDefaultPolicy/, '').replace(/[0-9A-F]{8}$/, '')));
    assert.deepEqual([...who].sort(), [`${of}schedules`, 'operator'].sort(), of);
  }
  assert.deepEqual(live.trading.of('AWS::Lambda::Permission'), []);
});

test('no statement of a function reaches a secret by a pattern', () => {
  for (const one of allowed.filter((one) => one.action.startsWith('secretsmanager:'))) {
    assert.match(one.resource, /^import:/, `${one.of} ${one.action} ${one.resource}`);
  }
});

test('only heartbeat publishes: Lambda reports failures for the others, and their own code is denied it', () => {
  const topics = (of: FunctionName, effect: string) =>
    roleOf(of, all, effect).filter((one) => one.action === 'sns:Publish').map((one) => one.resource.split(':').at(-1));
  assert.deepEqual(topics('heartbeat', 'Allow'), ['tradai-paper-alerts', 'tradai-paper-notifications']);
  assert.deepEqual(topics('heartbeat', 'Deny'), []);
  for (const of of ['decide', 'execute', 'reconcile'] as const) {
    assert.deepEqual(topics(of, 'Allow'), ['tradai-paper-alerts'], of);
    assert.deepEqual(topics(of, 'Deny'), ['tradai-paper-alerts'], of);
  }
  const sending = allowed.filter((one) => one.action === 'sns:Publish').map((one) => one.of.replace(/role.*|Policy.*/, ''));
  const expected = new Set(['decide', 'execute', 'heartbeat', 'reconcile', 'alerts', 'notifications', 'operator']);
  assert.deepEqual(new Set(sending.map((of) => of.replace(/[0-9A-F]{8}$/, ''))), expected);
});

test('what only Lambda may do is denied to the code of exactly that function', () => {
  for (const of of FUNCTIONS) {
    for (const one of roleOf(of, all, 'Deny')) {
      const condition = object(object(one.condition)['ArnEquals'])['lambda:SourceFunctionArn'];
      const itself = `arn:aws:lambda:eu-central-1:123456789012:function:tradai-paper-${of}`;
      assert.equal(filled(condition), itself);
    }
  }
});

test('heartbeat touches no order, position or decision, and nobody else puts metrics', () => {
  for (const table of ['orders', 'positions', 'decisions', 'strategy-config', 'context']) {
    assert.deepEqual(actionsOn('heartbeat', names.table(table)), [], table);
  }
  const putting = allowed.filter((one) => one.action === 'cloudwatch:PutMetricData');
  assert.deepEqual(putting.map((one) => one.of.slice(0, 9)), ['heartbeat']);
  assert.deepEqual(putting[0]?.condition, { StringEquals: { 'cloudwatch:namespace': 'tradai' } });
});

/** The tables that a function may do this to. */
function tablesOf(of: FunctionName, action: string): readonly string[] {
  const tables = TABLES.filter((table) => actionsOn(of, `table/${names.table(table.name)}`).includes(action));
  return tables.map((table) => table.name).sort();
}

test('each function reads those tables alone that its work needs, and every one of them', () => {
  const reads: Record<FunctionName, readonly string[]> = {
    decide: ['ledgers', 'orders', 'positions', 'strategy-config', 'trading-state'],
    execute: ['ledgers', 'orders', 'positions', 'strategy-config', 'trading-state'],
    heartbeat: ['incidents'],
    reconcile: ['ledgers', 'orders', 'positions', 'strategy-config', 'trading-state'],
  };
  const queries: Record<FunctionName, readonly string[]> = {
    decide: ['context', 'decisions'],
    execute: [],
    heartbeat: [],
    reconcile: ['orders'],
  };
  for (const of of FUNCTIONS) {
    for (const action of ['GetItem', 'BatchGetItem']) assert.deepEqual(tablesOf(of, `dynamodb:${action}`), reads[of], of);
    assert.deepEqual(tablesOf(of, 'dynamodb:Query'), queries[of], of);
  }
});

test('beside tables each function may do exactly this', () => {
  const always = ['kms:Decrypt', 'kms:GenerateDataKey*', 'logs:CreateLogStream', 'logs:PutLogEvents', 'sns:Publish'];
  const keyed = ['secretsmanager:GetSecretValue'];
  const expected: Record<FunctionName, readonly string[]> = {
    decide: keyed,
    execute: [...TO_JOIN_NETWORK, ...keyed],
    heartbeat: ['cloudwatch:PutMetricData'],
    reconcile: [...TO_JOIN_NETWORK, ...keyed],
  };
  for (const of of FUNCTIONS) {
    const actions = roleOf(of, all).map((one) => one.action).filter((action) => !action.startsWith('dynamodb:'));
    assert.deepEqual([...new Set(actions)].sort(), [...always, ...expected[of]].sort(), of);
  }
});

test('each function puts and changes items of those tables alone that it has the pen of', () => {
  // The same as `creators_of` and the writers of the tables in shared/src/records/writers.rs.
  const puts: Record<FunctionName, readonly string[]> = {
    decide: ['decisions', 'ledgers', 'orders'],
    execute: ['ledgers', 'orders', 'positions'],
    heartbeat: ['incidents'],
    reconcile: ['ledgers', 'orders'],
  };
  const changes: Record<FunctionName, readonly string[]> = {
    decide: ['decisions', 'ledgers', 'trading-state'],
    execute: ['ledgers', 'orders', 'positions', 'trading-state'],
    heartbeat: ['incidents', 'ledgers', 'trading-state'],
    reconcile: ['ledgers', 'trading-state'],
  };
  for (const of of FUNCTIONS) {
    const may = (action: string) => tablesOf(of, action);
    assert.deepEqual(may('dynamodb:PutItem'), puts[of], of);
    assert.deepEqual(may('dynamodb:UpdateItem'), changes[of], of);
    assert.deepEqual(may('dynamodb:DeleteItem'), [], of);
    assert.deepEqual(may('dynamodb:Scan'), of === 'heartbeat' ? ['ledgers', 'trading-state'] : [], of);
  }
});

test('a permission is for this stage, whatever else the account holds', () => {
  for (const one of allowed.filter((one) => one.resource.startsWith('arn:aws:'))) {
    const [, , service, region, account, ...rest] = one.resource.split(':');
    assert.ok(region === 'eu-central-1' || (service === 'cloudwatch' && region === ''), one.resource);
    assert.equal(account, '123456789012', one.resource);
    assert.match(rest.join(':'), /tradai-([a-z-]+-)?paper/, one.resource);
  }
});

/** The listed wildcard that a permission is, if it is one. */
function wildcardOf({ action, resource }: Permission): readonly { what: string; action: string }[] {
  const found: { what: string; action: string }[] = [];
  if (action.includes('*')) found.push({ what: action, action });
  if (resource === '*') found.push({ what: '*', action });
  else if (/:log-group:.*:\*$/.test(resource)) found.push({ what: 'log-group:…:*', action });
  else if (/:schedule\/tradai-paper\/\*$/.test(resource)) found.push({ what: 'schedule/…/*', action });
  else if (/^arn:aws:bedrock:\*::foundation-model\/[^*?]+$/.test(resource)) found.push({ what: 'bedrock:*::foundation-model/…', action });
  else if (resource.includes('*') || resource.includes('?')) found.push({ what: resource, action });
  return found;
}

test('every wildcard is listed with its reason, and every listed one is used', () => {
  const used = new Set<string>();
  for (const one of permissions(world(asking)).filter((one) => one.effect === 'Allow')) {
    for (const { what, action } of wildcardOf(one)) {
      const row = WILDCARDS.find((row) => row.what === what && (row.actions.length === 0 || row.actions.includes(action)));
      assert.ok(row !== undefined, `${one.of}: ${one.action} on ${one.resource} is a wildcard without a reason`);
      used.add(JSON.stringify(row)).add(`${what} ${action}`);
    }
  }
  for (const row of WILDCARDS) {
    assert.ok(used.has(JSON.stringify(row)), `${row.what} is not used: ${row.why}`);
    for (const action of row.actions) assert.ok(used.has(`${row.what} ${action}`), `${row.what} ${action} is not used`);
  }
});

test('no statement says what it does not mean', () => {
  for (const { statement, of } of all) {
    for (const name of ['NotAction', 'NotResource', 'NotPrincipal']) assert.ok(!(name in statement), `${of}: ${name}`);
  }
  for (const role of live.trading.of('AWS::IAM::Role')) {
    assert.deepEqual(list(role.properties['ManagedPolicyArns']), [], role.id);
  }
});

test('a schedule may wake its own function and leave a letter, nothing else', () => {
  for (const of of FUNCTIONS) {
    const rows = allowed.filter((one) => one.of.startsWith(`${of}schedulesrole`));
    assert.deepEqual(rows.map((one) => one.action), ['lambda:InvokeFunction', 'sqs:SendMessage']);
    for (const one of rows) assert.ok(one.resource.includes(of), one.resource);
    const role = live.trading.of('AWS::IAM::Role').find((role) => role.id.startsWith(`${of}schedulesrole`));
    const trust = object(list(object(role?.properties['AssumeRolePolicyDocument'])['Statement'])[0]);
    const condition = object(trust['Condition']);
    const group = filled(object(condition['ArnEquals'])['aws:SourceArn']);
    assert.equal(group, 'arn:aws:scheduler:eu-central-1:123456789012:schedule-group/tradai-paper');
  }
});

const CHANGES = /:(Add|Attach|Create|Delete|Invoke|Pass|Publish|Purge|Put|Receive|Remove|Set|Tag|Update)/;

test('a viewer changes nothing, an operator reads no secret and widens nothing, an approver only signs, a noter only notes', () => {
  const of = (who: string) => allowed.filter((one) => one.of.startsWith(who)).map((one) => one.action);
  const distinct = (who: string) => [...new Set(of(who))].sort();
  assert.deepEqual(of('viewer').filter((action) => CHANGES.test(action)), []);
  assert.deepEqual(of('operator').filter((action) => action.startsWith('secretsmanager:Get')), []);
  assert.deepEqual(distinct('operator').filter((action) => /^(iam|lambda|scheduler):/.test(action)), [
    'iam:PassRole',
    'lambda:DeleteFunctionConcurrency',
    'lambda:InvokeFunction',
    'lambda:PutFunctionConcurrency',
    'lambda:UpdateAlias',
    'scheduler:UpdateSchedule',
  ]);
  const ours = FUNCTIONS.map((name) => `arn:aws:lambda:eu-central-1:123456789012:function:tradai-paper-${name}`);
  for (const action of ['lambda:InvokeFunction', 'lambda:UpdateAlias']) {
    const operators = allowed.filter((one) => one.action === action && one.of.startsWith('operator'));
    assert.deepEqual(operators.map((one) => one.resource).sort(), ours.flatMap((name) => [name, `${name}:live`]).sort());
  }
  assert.ok(of('viewer').includes('lambda:ListVersionsByFunction'));
  assert.deepEqual(distinct('approver'), ['dynamodb:UpdateItem', 'secretsmanager:GetSecretValue']);
  const notes = allowed.filter((one) => one.of.startsWith('noter'));
  assert.deepEqual(notes.map((one) => one.action), ['dynamodb:PutItem']);
  assert.ok(notes[0]?.resource.endsWith(names.table('context')));
});

test('whoever operates and looks may do all that the commands of tradai do', () => {
  const may = (action: string, resource: string) =>
    allowed.some((one) => /^(operator|viewer)/.test(one.of) && one.action === action && [resource, '*'].includes(one.resource));
  const table = (name: string) => `arn:aws:dynamodb:eu-central-1:123456789012:table/${names.table(name)}`;
  const all = (actions: readonly string[], tables: readonly string[]) => {
    for (const action of actions) {
      for (const name of tables) assert.ok(may(`dynamodb:${action}`, table(name)), `${action} ${name}`);
    }
  };
  all(['GetItem', 'BatchGetItem'], ['trading-state', 'strategy-config', 'positions', 'orders', 'ledgers']);
  all(['Scan'], ['trading-state', 'ledgers', 'incidents']);
  // `strategy apply` makes and changes, also in one transaction; `start`, `stop` and `emergency-stop` change the state.
  all(['PutItem', 'UpdateItem'], ['trading-state', 'strategy-config', 'ledgers']);
  // `stop` and `emergency-stop` wake execute, and the latter tells people.
  assert.ok(may('lambda:InvokeFunction', 'arn:aws:lambda:eu-central-1:123456789012:function:tradai-paper-execute:live'));
  assert.ok(may('sns:ListTopics', '*'));
  assert.ok(may('sns:Publish', 'arn:aws:sns:eu-central-1:123456789012:tradai-paper-alerts'));
});

test('the policies of people fit what IAM takes: 6144 characters', () => {
  const named = (letter: string) => letter.repeat(31);
  // As many secrets as a stage may list.
  const { trading } = world(stage('live', {
    env: 'a-name-that-is16',
    accounts: ['a', 'b', 'c', 'd'].map(named),
    servers: Object.fromEntries([...'efghijklm'].map((letter) => [named(letter), server])),
  }));
  for (const policy of trading.of('AWS::IAM::ManagedPolicy')) {
    const document = JSON.stringify(policy.properties['PolicyDocument'], (_, value) => {
      const isFunction = typeof value === 'object' && value !== null && Object.keys(value).some((key) => /^(Ref|Fn::)/.test(key));
      // An imported or made ARN is at most this long; the longest is that of a secret.
      return isFunction ? filled(value).replace(/^(?!arn:).*/, (made) => 'x'.repeat(made.includes('secret') ? 127 : 100)) : value;
    });
    assert.ok(document.length <= 6144, `${text(policy.properties['ManagedPolicyName'])}: ${document.length}`);
  }
});

test('a function knows exactly what its grants tell it', () => {
  const belongs = { TRADAI_ENV: 'paper', TRADAI_PREFIX: 'tradai' };
  const topic = (name: string) => `arn:aws:sns:eu-central-1:123456789012:tradai-paper-${name}`;
  for (const kind of KINDS_OF_STAGE) {
    const fixed: Record<string, string> = kind === 'live' ? { TRADAI_EGRESS: 'fixed' } : {};
    const expected: Record<FunctionName, Record<string, string>> = {
      decide: {},
      execute: fixed,
      heartbeat: {
        TRADAI_ALERTS_TOPIC_ARN: topic('alerts'),
        TRADAI_NOTIFICATIONS_TOPIC_ARN: topic('notifications'),
      },
      reconcile: fixed,
    };
    const { trading } = world(stage(kind));
    for (const of of FUNCTIONS) {
      const found = trading.of('AWS::Lambda::Function').find((one) => one.properties['FunctionName'] === names.function(of));
      const variables = object(object(found?.properties['Environment'])['Variables']);
      const told = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, filled(value)]));
      assert.deepEqual(told, { ...belongs, TRADAI_STAGE_KIND: kind, ...expected[of] }, `${kind} ${of}`);
    }
  }
});

test('other addresses than the real ones reach only those who call them, and only in dev', () => {
  const elsewhere = { aws: 'http://127.0.0.1:4566', venue: 'http://127.0.0.1:1', model: 'http://127.0.0.1:2' };
  assert.throws(() => world(stage('paper', { elsewhere })), /only kind dev may point elsewhere/);
  const { trading } = world(stage('dev', { elsewhere }));
  const told = (name: string) =>
    trading.of('AWS::Lambda::Function')
      .filter((one) => name in object(object(one.properties['Environment'] ?? { Variables: {} })['Variables']))
      .map((one) => text(one.properties['FunctionName']).replace('tradai-paper-', ''));
  assert.deepEqual(told('AWS_ENDPOINT_URL').sort(), ['decide', 'execute', 'heartbeat', 'reconcile']);
  assert.deepEqual(told('TRADAI_VENUE_URL').sort(), ['decide', 'execute', 'reconcile']);
  assert.deepEqual(told('TRADAI_MODEL_URL'), ['decide']);
});
