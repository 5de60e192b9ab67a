import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Kind, PROVIDERS, type Provider, type Stage, checked } from '../lib/stage.ts';
import { STAGES } from '../stages.ts';
import { type Json, type World, source, stage, world } from './world.ts';

/** Where two templates differ, as `Type.Path`, without the ids of resources. */
function differences(one: World, other: World): readonly string[] {
  const found = new Set<string>();
  for (const stack of ['state', 'trading', 'console'] as const) {
    const ids = new Set([...one[stack].resources, ...other[stack].resources].map((resource) => resource.id));
    for (const id of ids) {
      const [left, right] = [one, other].map((side) => side[stack].resources.find((resource) => resource.id === id));
      const type = (left ?? right)!.type;
      if (left === undefined || right === undefined) found.add(type);
      else compare({ ...left }, { ...right }, type, found);
    }
  }
  return [...found].sort();
}

function compare(left: unknown, right: unknown, path: string, found: Set<string>) {
  if (JSON.stringify(left) === JSON.stringify(right)) return;
  const both = [left, right].every((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  if (!both) return void found.add(path);
  const [a, b] = [left as Record<string, Json>, right as Record<string, Json>];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    compare(a[name], b[name], name === 'properties' ? path : `${path}.${name}`, found);
  }
}

const SERVER = { url: 'https://models.example.com/v1', usdPerMillionIn: '0', usdPerMillionOut: '0' };

function between(one: Kind, other: Kind): readonly string[] {
  return differences(world(stage(one)), world(stage(other)));
}

/** An id that follows from everything in a function. */
const FOLLOWS = ['AWS::Lambda::Alias.FunctionVersion.Fn::GetAtt', 'AWS::Lambda::Version'];
const TOLD = ['AWS::Lambda::Function.Environment.Variables.TRADAI_STAGE_KIND'];

test('dev and paper differ in what is kept, and in nothing else', () => {
  assert.deepEqual(between('dev', 'paper'), [
    'AWS::DynamoDB::Table.DeletionProtectionEnabled',
    'AWS::DynamoDB::Table.deletionPolicy',
    'AWS::KMS::Key.deletionPolicy',
    ...FOLLOWS.slice(0, 1),
    ...TOLD,
    ...FOLLOWS.slice(1),
    'AWS::Logs::LogGroup.RetentionInDays',
    'AWS::Logs::LogGroup.deletionPolicy',
    'AWS::SecretsManager::Secret.deletionPolicy',
  ]);
});

test('paper and live differ in the fixed address and how long logs are kept, and in nothing else', () => {
  const found = between('paper', 'live').filter((path) => !path.startsWith('AWS::EC2::'));
  assert.deepEqual(found, [
    'AWS::IAM::Policy.PolicyDocument.Statement',
    ...FOLLOWS.slice(0, 1),
    'AWS::Lambda::Function.Environment.Variables.TRADAI_EGRESS',
    ...TOLD,
    'AWS::Lambda::Function.VpcConfig',
    ...FOLLOWS.slice(1),
    'AWS::Logs::LogGroup.RetentionInDays',
  ]);
});

test('providers of models are those that the functions know', () => {
  const words = [...source('shared/src/model/provider.rs').matchAll(/Provider::\w+ => "(\w+)"/g)].map(([, word]) => word!);
  assert.ok(words.includes('anthropic'));
  // Those that have no address of their own are asked as servers.
  const others = words.filter((word) => !PROVIDERS.includes(word as Provider));
  assert.deepEqual(others, ['ollama', 'vllm', 'llamacpp', 'lmstudio', 'compatible']);
  assert.deepEqual(PROVIDERS.filter((word) => !words.includes(word)), []);
  assert.throws(() => checked(stage('dev', { models: ['vllm' as Provider] })), /models: "vllm" is none of anthropic/);
});

test('what a stage may ask is refused where it cannot be reached or granted', () => {
  const refused = (more: Partial<Stage>, why: RegExp) => assert.throws(() => checked(stage('live', more)), why);
  refused({ models: ['bedrock'] }, /bedrockModels: named exactly where/);
  refused({ bedrockModels: [{ id: 'amazon.nova-lite-v1:0' }] }, /bedrockModels: named exactly where/);
  refused({ models: ['bedrock'], bedrockModels: [{ id: '*' }] }, /"\*" is not the id of a model/);
  refused({ models: ['bedrock'], bedrockModels: [{ id: 'a.b', profile: '*' }] }, /"\*" is not the place/);
  const nine = Object.fromEntries([...'abcdefghi'].map((name) => [name, SERVER]));
  checked(stage('live', { accounts: ['a', 'b', 'c', 'd'], servers: nine }));
  refused({ accounts: ['a', 'b', 'c', 'd'], models: ['anthropic', 'groq'], servers: nine }, /servers: 19 secrets; at most 18/);
  checked(stage('live', { models: PROVIDERS, bedrockModels: [{ id: 'amazon.nova-lite-v1:0' }] }));
});

test('a field that a stage does not have is refused by its name', () => {
  const old = { ...stage('live'), compatibleUrl: 'https://models.example.com' };
  assert.throws(() => checked(old), /compatibleUrl does not exist/);
});

test('the stages of this repository are one of each kind, and only live has a fixed address', () => {
  assert.deepEqual(STAGES.map((one) => [one.env, one.kind]), [['dev', 'dev'], ['paper', 'paper'], ['live', 'live']]);
  for (const one of STAGES) {
    const { state, trading } = world(one);
    assert.equal(state.of('AWS::EC2::NatGateway').length, one.kind === 'live' ? 1 : 0);
    assert.equal(trading.of('AWS::Scheduler::Schedule').length, 4);
  }
});
