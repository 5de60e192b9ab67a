// What a stage is: the values that its owner chooses, and what follows from its kind alone.

import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ModelServers, problemsOf } from './servers.ts';

export type Kind = 'dev' | 'paper' | 'live';

/** The providers of models with an address of their own, by the words of `Provider` in shared/src/model/provider.rs. */
export const PROVIDERS = [
  'anthropic', 'openai', 'bedrock', 'deepseek', 'qwen', 'kimi', 'glm', 'gemini', 'xai', 'mistral', 'groq', 'openrouter',
] as const;
export type Provider = (typeof PROVIDERS)[number];

/** The processors of Lambda. */
export type Architecture = 'x86_64' | 'arm64';

/** A model of Bedrock that may be asked. */
export interface BedrockModel {
  /** The model's own id, without a place: `anthropic.claude-haiku-4-5-20251001-v1:0`. */
  readonly id: string;
  /** The place of the inference profile that it is asked through (`eu`, `us`, `global`), where there is one. */
  readonly profile?: string;
}

/** What its owner chooses. */
export interface Stage {
  /** Its name, in the name of everything: `paper`. Lower-case letters, digits and dashes. */
  readonly env: string;
  /** `dev` may be thrown away, `paper` trades real market data without money, `live` trades money. */
  readonly kind: Kind;
  /** Accounts at an exchange; each gets a secret to trade with and one to read with. Paper strategies need none. */
  readonly accounts: readonly string[];
  /** Providers of models; each gets a secret, but for `bedrock`, which is asked with the function's role. */
  readonly models: readonly Provider[];
  /** Servers of your own choice, by name; each gets a secret `llm/NAME`, and its models are named `NAME/MODEL`. */
  readonly servers?: ModelServers;
  /** What decide may ask of Bedrock; named exactly where `models` lists `bedrock`. */
  readonly bedrockModels?: readonly BedrockModel[];
  /** How many schedules share the strategies; all strategies of one account are in one shard. */
  readonly shards: number;
  /**
   * Who is written to; each address gets a message from AWS and must confirm it. Outside `dev` a stage that names
   * nobody to page asks for an address when it is deployed.
   */
  readonly mail: { readonly alerts: readonly string[]; readonly notifications: readonly string[] };
  /** A bill above this, in US dollars a month, is told to the alerts topic. */
  readonly monthlyBudgetUsd: number;
  /** What the packages were built for. */
  readonly architecture: Architecture;
  /** Memory of each function in MB. */
  readonly memoryMb: number;
  /** Where the runbook can be read: an address, or its path in the repository. */
  readonly runbook: string;
  /**
   * The most invocations of one function at once; at least two, so that a slow tick does not throttle the next.
   * Absent by default: a new account's limit of ten refuses every reservation, and correctness rests on conditions.
   */
  readonly reservedConcurrency?: number;
  /** Other addresses than the real ones, in stage kind `dev` alone. */
  readonly elsewhere?: { readonly aws: string; readonly venue: string; readonly model: string };
}

/** What follows from the kind, and nothing else does. */
export interface KindRules {
  /** Tables refuse to be deleted, and what holds state outlives its stack. */
  readonly keepsState: boolean;
  /** Execute and reconcile reach the exchange from one fixed address, to which its keys are bound. */
  readonly fixedEgress: boolean;
  /** How long logs are kept. */
  readonly logs: RetentionDays;
}

export const KINDS: Readonly<Record<Kind, KindRules>> = {
  dev: { keepsState: false, fixedEgress: false, logs: RetentionDays.ONE_WEEK },
  paper: { keepsState: true, fixedEgress: false, logs: RetentionDays.ONE_MONTH },
  live: { keepsState: true, fixedEgress: true, logs: RetentionDays.THREE_MONTHS },
};

const NAME = /^[a-z0-9][a-z0-9-]{0,15}$/;

/**
 * The most secrets that a stage lists, two for an account: an operator may write each, and IAM takes 6144 characters of
 * a policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const MOST_SECRETS = 18;

/** Providers and servers that are asked with a key: Bedrock is asked with the function's role. */
export function withKey({ models, servers = {} }: Stage): readonly string[] {
  return [...models.filter((provider) => provider !== 'bedrock'), ...Object.keys(servers)];
}

type Need = (good: boolean, problem: string) => void;

/** A provider that is listed can be reached, and nothing is opened for one that is not. */
function needModels({ models, servers = {}, kind, bedrockModels = [] }: Stage, need: Need) {
  for (const problem of problemsOf(servers, kind)) need(false, problem);
  const bedrock = models.includes('bedrock');
  need(bedrock === bedrockModels.length > 0, 'bedrockModels: named exactly where models lists "bedrock"');
  for (const { id, profile = 'eu' } of bedrockModels) {
    need(/^[a-z0-9.:-]+$/.test(id), `bedrockModels: "${id}" is not the id of a model`);
    need(/^[a-z-]+$/.test(profile), `bedrockModels: "${profile}" is not the place of a profile`);
  }
}

/** Every field of a stage. */
const FIELDS: Readonly<Record<keyof Stage, true>> = {
  env: true, kind: true, accounts: true, models: true, servers: true, bedrockModels: true, shards: true, mail: true,
  monthlyBudgetUsd: true, architecture: true, memoryMb: true, runbook: true, reservedConcurrency: true, elsewhere: true,
};

/** Everything that is wrong with a stage, at once. */
export function checked(stage: Stage): Stage {
  const problems: string[] = [];
  const need: Need = (good, problem) => {
    if (!good) problems.push(problem);
  };
  // `cdk` runs stages.ts without looking at its types.
  for (const name of Object.keys(stage)) need(Object.hasOwn(FIELDS, name), `${name} does not exist`);
  need(NAME.test(stage.env), `env "${stage.env}" is not 1 to 16 lower-case letters, digits and dashes`);
  for (const name of [...stage.accounts, ...stage.models]) {
    need(/^[A-Za-z0-9_-]{1,32}$/.test(name), `"${name}" cannot be part of a secret's name`);
  }
  for (const name of stage.models) {
    need(PROVIDERS.includes(name), `models: "${name}" is none of ${PROVIDERS.join(', ')}`);
  }
  needModels(stage, need);
  const secrets = 2 * stage.accounts.length + withKey(stage).length;
  need(secrets <= MOST_SECRETS, `accounts, models and servers: ${secrets} secrets; at most ${MOST_SECRETS}, two for an account`);
  need(Number.isInteger(stage.shards) && stage.shards >= 1, `shards: ${stage.shards} is not 1 or more`);
  need(stage.monthlyBudgetUsd > 0, `monthlyBudgetUsd: ${stage.monthlyBudgetUsd} is not above 0`);
  need(stage.memoryMb >= 128, `memoryMb: ${stage.memoryMb} is below 128, the least that Lambda has`);
  const reserved = stage.reservedConcurrency ?? 2;
  need(reserved >= 2, `reservedConcurrency: ${reserved} would throttle a tick behind a slow one; at least 2`);
  need(stage.elsewhere === undefined || stage.kind === 'dev', `elsewhere: only kind dev may point elsewhere`);
  if (problems.length > 0) throw new Error(`stage ${stage.env}: ${problems.join('; ')}`);
  return stage;
}
