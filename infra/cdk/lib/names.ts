// What everything of one stage is called, as contract.json says it, and where it is.

import { Aws, Fn } from 'aws-cdk-lib';
import { type FunctionName, PREFIX, TABLES, type TopicName } from './contract.ts';
import type { BedrockModel } from './stage.ts';

/** The alias that schedules invoke: what is deployed now. */
export const ALIAS = 'live';

export class Names {
  constructor(readonly env: string) {}

  /** `tradai-paper`: the dashboard, the group of schedules. */
  get whole(): string {
    return `${PREFIX}-${this.env}`;
  }
  /** `tradai-paper-…`: alarms, queues, policies, stacks. */
  of(what: string): string {
    return `${this.whole}-${what}`;
  }
  table(name: string): string {
    if (!TABLES.some((table) => table.name === name)) throw new Error(`contract.json knows no table ${name}`);
    return `${PREFIX}-${name}-${this.env}`;
  }
  function(name: FunctionName): string {
    return this.of(name);
  }
  logGroup(name: FunctionName): string {
    return `/aws/lambda/${this.function(name)}`;
  }
  topic(name: TopicName): string {
    return this.of(name);
  }
  secret(path: string): string {
    return `${PREFIX}/${this.env}/${path}`;
  }

  tableArn(name: string): string {
    return arn('dynamodb', `table/${this.table(name)}`);
  }
  functionArn(name: FunctionName): string {
    return arn('lambda', `function:${this.function(name)}`);
  }
  logGroupArn(name: FunctionName): string {
    return arn('logs', `log-group:${this.logGroup(name)}`);
  }
  topicArn(name: TopicName): string {
    return arn('sns', this.topic(name));
  }
  alarmArn(name: string): string {
    return arn('cloudwatch', `alarm:${this.of(name)}`);
  }
  /** Dashboards have no region. */
  dashboardArn(): string {
    return Fn.sub(`arn:\${AWS::Partition}:cloudwatch::\${AWS::AccountId}:dashboard/${this.whole}`);
  }
}

/** Something of this account and region. */
export function arn(service: string, resource: string): string {
  return Fn.sub(`arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`);
}

/**
 * What must be allowed to ask a model of Bedrock: the model in this region; through a profile that profile, and the
 * model wherever AWS sends the question.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
 */
export function bedrockArns({ id, profile }: BedrockModel): readonly string[] {
  const model = (region: string) => Fn.sub(`arn:\${AWS::Partition}:bedrock:${region}::foundation-model/${id}`);
  if (profile === undefined) return [model('${AWS::Region}')];
  return [arn('bedrock', `inference-profile/${profile}.${id}`), model('*')];
}

/** The service's own principal may act for this account alone. */
export const OF_THIS_ACCOUNT = { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } } as const;
