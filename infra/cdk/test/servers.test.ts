import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelServers } from '../lib/servers.ts';
import { PROVIDERS, type Stage, checked } from '../lib/stage.ts';
import { KINDS_OF_STAGE, list, object, stage, text, world } from './world.ts';

const BARE = { url: 'https://models.example.com/v1', usdPerMillionIn: '0.15', usdPerMillionOut: '0' } as const;

/** What is said of a stage with these servers; they need not be what the types allow. */
function refusal(servers: Readonly<Record<string, unknown>>, kind: Stage['kind'] = 'live'): string {
  try {
    checked(stage(kind, { servers: servers as ModelServers }));
    return '';
  } catch (error) {
    return (error as Error).message.replace('stage paper: ', '');
  }
}

/** The item that a stage with these servers writes. */
function item(servers?: ModelServers) {
  const { trading } = world(stage('paper', servers === undefined ? {} : { servers }));
  const [found, ...more] = trading.of('AWS::CloudFormation::CustomResource');
  assert.deepEqual(more, []);
  const { Table, Item, Id } = found!.properties;
  assert.deepEqual([Table, Id], ['tradai-ledgers-paper', 'servers#llm']);
  return JSON.parse(text(Item));
}

test('a stage without servers writes an empty map', () => {
  const written_by = { S: 'tradai-paper-trading' };
  assert.deepEqual(item(), { ledger_id: { S: 'servers#llm' }, servers: { M: {} }, written_by });
  assert.deepEqual(item({}), item());
});

test('the item holds what is said of a server, and no attribute for what is not', () => {
  const whole = {
    url: 'https://models.example.com/v1/', kind: 'vllm', toolChoice: 'schema', strict: false, thinking: 'template-false',
    answerTokens: 4096, window: 32_000, usdPerMillionIn: '0.000000001', usdPerMillionOut: '999999.5',
  } as const;
  assert.deepEqual(item({ whole, bare: BARE }).servers, {
    M: {
      whole: {
        M: {
          url: { S: 'https://models.example.com/v1' },
          kind: { S: 'vllm' },
          tool_choice: { S: 'schema' },
          strict: { BOOL: false },
          thinking: { S: 'template-false' },
          answer_tokens: { N: '4096' },
          window: { N: '32000' },
          usd_per_million_in: { N: '0.000000001' },
          usd_per_million_out: { N: '999999.5' },
        },
      },
      bare: {
        M: { url: { S: BARE.url }, usd_per_million_in: { N: '0.15' }, usd_per_million_out: { N: '0' } },
      },
    },
  });
});

test('the function that puts the item stands alone and fits into a template', () => {
  for (const kind of KINDS_OF_STAGE) {
    const { trading } = world(stage(kind));
    const found = trading.of('AWS::Lambda::Function').filter((one) => one.properties['FunctionName'] === 'tradai-paper-servers');
    assert.deepEqual(found.map((one) => [one.properties['Runtime'], one.properties['Environment']]), [['python3.14', undefined]]);
    const code = text(object(found[0]!.properties['Code'])['ZipFile']);
    // More is refused: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
    assert.ok(code.length <= 4096);
    const service = trading.of('AWS::CloudFormation::CustomResource')[0]!.properties['ServiceToken'];
    assert.deepEqual(list(object(service)['Fn::GetAtt']), [found[0]!.id, 'Arn']);
  }
});

test('a server cannot have the name of a provider or of a shared fact', () => {
  for (const name of [...PROVIDERS, 'compatible', 'ollama', 'vllm', 'llamacpp', 'lmstudio', 'fleet']) {
    assert.equal(refusal({ [name]: BARE }), `servers.${name}: a provider, or tradai itself, has this name; give the server another one`);
  }
  for (const name of ['My-box', '1box', '-box', 'my_box', 'my/box', 'b'.repeat(32), '']) {
    assert.match(refusal({ [name]: BARE }), /: a name is a lower-case letter with/, name);
  }
  for (const name of ['a', 'b'.repeat(31), 'openai-proxy', 'box2']) assert.equal(refusal({ [name]: BARE }), '', name);
});

test('an address of a server is whole, and holds nothing but the place', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['http://models.example.com/v1', /does not begin with https:\/\//],
    ['ftp://models.example.com/v1', /does not begin with https:\/\//],
    ['http://127.0.0.1:8000/v1', /does not begin with https:\/\//],
    ['models.example.com/v1', /is not an address/],
    ['https://models.example.com', /has no path, such as \/v1/],
    ['https://models.example.com/v1/chat/completions', /ends in \/chat\/completions, which the function appends/],
    ['https://models.example.com/v1/chat/completions/', /ends in \/chat\/completions/],
    ['https://models.example.com/v1?key=1', /has a query/],
    ['https://models.example.com/v1#a', /has a query/],
    ['https://models.example.com/v1?', /has a query/],
  ];
  for (const [url, why] of refused) assert.match(refusal({ box: { ...BARE, url } }), why, url);
  const secret = refusal({ box: { ...BARE, url: 'https://ada:hunter2@models.example.com/v1' } });
  assert.match(secret, /url holds a name or a password/);
  assert.doesNotMatch(secret, /hunter2/);
  for (const url of ['https://models.example.com/', 'https://models.example.com:8443/a/b/v1', 'https://[::1]/v1']) {
    assert.equal(refusal({ box: { ...BARE, url } }), '', url);
  }
});

test('only dev reaches a server without TLS, and only on its own machine', () => {
  for (const url of ['http://localhost:8000/v1', 'http://127.0.0.1:8000/v1', 'http://[::1]:8000/v1']) {
    assert.equal(refusal({ box: { ...BARE, url } }, 'dev'), '', url);
    assert.match(refusal({ box: { ...BARE, url } }, 'paper'), /does not begin with https/, url);
  }
  for (const url of ['http://10.0.0.1/v1', 'http://localhost.example.com/v1', 'http://127.0.0.1.example.com/v1']) {
    assert.match(refusal({ box: { ...BARE, url } }, 'dev'), /does not begin with https/, url);
  }
});

test('a field that a server does not have, or cannot have so, is refused by its name', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ key: 'sk-1' }, /servers\.box: key does not exist; there are url, kind, toolChoice/],
    [{ constructor: 1 }, /constructor does not exist/],
    [{ url: undefined }, /url is missing/],
    [{ usdPerMillionIn: undefined }, /usdPerMillionIn is missing/],
    [{ usdPerMillionOut: undefined }, /usdPerMillionOut is missing/],
    [{ url: 1 }, /url: 1 is not the address of a server/],
    [{ kind: 'openai' }, /kind: "openai" is not one of deepseek, qwen/],
    [{ toolChoice: 'any' }, /toolChoice: "any" is not one of named, required, auto, schema/],
    [{ strict: 'yes' }, /strict: "yes" is not true or false/],
    [{ thinking: 'off' }, /thinking: "off" is not one of as-is, disabled/],
    ...[0, 100_001, 1.5, '400', NaN].map((answerTokens) => [{ answerTokens }, /answerTokens: .* is not a whole number/] as const),
    ...[999, 1e300, Infinity].map((window) => [{ window }, /window: .* is not a whole number/] as const),
    ...[0, 0.5, '-1', '1e3', '.5', '1,5', '', '1234567', '0.0000000001'].map(
      (usdPerMillionIn) => [{ usdPerMillionIn }, /usdPerMillionIn: .* is not dollars as a decimal in quotes/] as const,
    ),
  ];
  for (const [more, why] of refused) assert.match(refusal({ box: { ...BARE, ...more } }), why, JSON.stringify(more));
  const both = refusal({ box: { ...BARE, window: 1, port: 80 }, groq: BARE });
  assert.match(both, /servers\.box: window.*; servers\.box: port.*; servers\.groq/);
});
