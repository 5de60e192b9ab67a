// Model servers of the owner's choice: what may be said of one, and the item that says it to decide.

import type { Kind } from './stage.ts';

/** The kinds of servers whose ways are known. Without one a server is asked as its options say, else as OpenAI's own. */
export const SERVER_KINDS = [
  'deepseek', 'qwen', 'kimi', 'glm', 'gemini', 'xai', 'mistral', 'groq', 'openrouter', 'ollama', 'vllm', 'llamacpp',
  'lmstudio',
] as const;
/** How a server is made to answer: the tool by name, any tool, a tool if it likes, or by a schema of its answer. */
export const TOOL_CHOICES = ['named', 'required', 'auto', 'schema'] as const;
/** What a server is told about thinking; `as-is` is nothing. */
export const THINKING = [
  'as-is', 'disabled', 'enable-thinking-false', 'template-false', 'effort-none', 'effort-minimal', 'effort-low',
] as const;

/** A server that speaks Chat Completions. Its models are named `NAME/MODEL`, its key is the secret `llm/NAME`. */
export interface ModelServer {
  /** What stands before `/chat/completions`: `https://models.example.com/v1`. On this machine, in dev, also `http://`. */
  readonly url: string;
  readonly kind?: (typeof SERVER_KINDS)[number];
  readonly toolChoice?: (typeof TOOL_CHOICES)[number];
  /** Whether it holds the answer to the schema strictly. */
  readonly strict?: boolean;
  readonly thinking?: (typeof THINKING)[number];
  /** The most tokens of one answer, thinking included: 1 to 100000. */
  readonly answerTokens?: number;
  /** The tokens that question and answer may have together, at least 1000. */
  readonly window?: number;
  /** US dollars per million tokens of a question, as a decimal in quotes: `'0.15'`, or `'0'` for a local model. */
  readonly usdPerMillionIn: string;
  /** The same of an answer. */
  readonly usdPerMillionOut: string;
}

/** The servers of a stage, by name. */
export type ModelServers = Readonly<Record<string, ModelServer>>;

/** A field of a server: its attribute in the item, and what it takes. */
interface Field {
  readonly attribute: string;
  readonly type: 'S' | 'N' | 'BOOL';
  readonly takes: string;
  readonly fits: (value: unknown) => boolean;
}

const oneOf = (words: readonly string[]) => ({
  type: 'S' as const,
  takes: `one of ${words.join(', ')}`,
  fits: (value: unknown) => words.includes(value as string),
});
const whole = (takes: string, least: number, most: number) => ({
  type: 'N' as const,
  takes,
  fits: (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
});
const DOLLARS = {
  type: 'N' as const,
  takes: "dollars as a decimal in quotes, such as '0.15', or '0' for a local model",
  fits: (value: unknown) => typeof value === 'string' && /^\d{1,6}(\.\d{1,9})?$/.test(value),
};

const FIELDS: Readonly<Record<keyof ModelServer, Field>> = {
  url: { attribute: 'url', type: 'S', takes: 'the address of a server', fits: (value) => typeof value === 'string' },
  kind: { attribute: 'kind', ...oneOf(SERVER_KINDS) },
  toolChoice: { attribute: 'tool_choice', ...oneOf(TOOL_CHOICES) },
  strict: { attribute: 'strict', type: 'BOOL', takes: 'true or false', fits: (value) => typeof value === 'boolean' },
  thinking: { attribute: 'thinking', ...oneOf(THINKING) },
  answerTokens: { attribute: 'answer_tokens', ...whole('a whole number from 1 to 100000', 1, 100_000) },
  window: { attribute: 'window', ...whole('a whole number from 1000', 1000, Number.MAX_SAFE_INTEGER) },
  usdPerMillionIn: { attribute: 'usd_per_million_in', ...DOLLARS },
  usdPerMillionOut: { attribute: 'usd_per_million_out', ...DOLLARS },
};
const REQUIRED: readonly (keyof ModelServer)[] = ['url', 'usdPerMillionIn', 'usdPerMillionOut'];

/** Providers, also those that are asked on one machine alone, and what counts the dollars of all strategies (`llm#fleet`). */
const TAKEN = ['anthropic', 'openai', 'bedrock', 'compatible', ...SERVER_KINDS, 'fleet'];

/** What is wrong with the servers of a stage of this kind. */
export function problemsOf(servers: ModelServers, kind: Kind): readonly string[] {
  return Object.entries(servers).flatMap(([name, server]) => {
    const problems = [...nameProblems(name), ...fieldProblems(server), ...urlProblems(server.url, kind)];
    return problems.map((problem) => `servers.${name}: ${problem}`);
  });
}

function nameProblems(name: string): readonly string[] {
  if (TAKEN.includes(name)) return ['a provider, or tradai itself, has this name; give the server another one'];
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    return ['a name is a lower-case letter with at most 30 lower-case letters, digits and dashes behind it'];
  }
  return [];
}

function fieldProblems(server: ModelServer): readonly string[] {
  const missing = REQUIRED.filter((field) => server[field] === undefined).map((field) => `${field} is missing`);
  const wrong = Object.entries(server).flatMap(([name, value]) => {
    if (!Object.hasOwn(FIELDS, name)) return [`${name} does not exist; there are ${Object.keys(FIELDS).join(', ')}`];
    const { takes, fits } = FIELDS[name as keyof ModelServer];
    return value === undefined || fits(value) ? [] : [`${name}: ${JSON.stringify(value)} is not ${takes}`];
  });
  return [...missing, ...wrong];
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function urlProblems(url: unknown, kind: Kind): readonly string[] {
  if (typeof url !== 'string') return [];
  if (!URL.canParse(url)) return [`url: "${url}" is not an address`];
  const { protocol, hostname, username, password, pathname } = new URL(url);
  // Nothing of it is repeated: a password would be read in the log of a build.
  if (username !== '' || password !== '') return ['url holds a name or a password; the key goes into the secret'];
  const near = kind === 'dev' && protocol === 'http:' && LOOPBACK.test(hostname);
  const checks: readonly [boolean, string][] = [
    [protocol === 'https:' || near, 'does not begin with https:// (http:// is for this machine alone, in kind dev)'],
    [!/[?#\s]/.test(url), 'has a query, a fragment or a space'],
    [!/\/chat\/completions\/*$/.test(pathname), 'ends in /chat/completions, which the function appends'],
    [pathname !== '/' || url.endsWith('/'), 'has no path, such as /v1; end it in / if the server needs none'],
  ];
  return checks.filter(([good]) => !good).map(([, why]) => `url: "${url}" ${why}`);
}

/** A value as DynamoDB writes it. */
export type Attribute = { S: string } | { N: string } | { BOOL: boolean } | { M: { readonly [name: string]: Attribute } };

/** The key of the item in the table `ledgers`. */
export const SERVERS_KEY = 'servers#llm';

/** The item, as DynamoDB writes it: a map of the servers that the stage has now, and what wrote it. */
export function itemOf(servers: ModelServers, writtenBy: string): Readonly<Record<string, Attribute>> {
  const entries = Object.entries(servers).map(([name, server]) => [name, { M: attributesOf(server) }]);
  return { ledger_id: { S: SERVERS_KEY }, servers: { M: Object.fromEntries(entries) }, written_by: { S: writtenBy } };
}

function attributesOf(server: ModelServer): Record<string, Attribute> {
  const said = (Object.keys(FIELDS) as (keyof ModelServer)[]).filter((name) => server[name] !== undefined);
  return Object.fromEntries(said.map((name) => [FIELDS[name].attribute, attribute(FIELDS[name].type, server[name])]));
}

function attribute(type: Field['type'], value: ModelServer[keyof ModelServer]): Attribute {
  if (type === 'BOOL') return { BOOL: value === true };
  return type === 'N' ? { N: `${value}` } : { S: `${value}`.replace(/\/+$/, '') };
}
