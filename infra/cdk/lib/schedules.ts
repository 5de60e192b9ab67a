// Who wakes a function: one schedule per shard, with a constant input.

import { Aws, Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, type CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type FunctionName, periodMinutes } from './contract.ts';
import type { TradingFunction } from './functions.ts';
import { type Names, arn } from './names.ts';
import type { Stage } from './stage.ts';

export interface SchedulesProps {
  readonly name: FunctionName;
  readonly stage: Stage;
  readonly names: Names;
  readonly target: TradingFunction;
  /** The group of this stage's schedules. */
  readonly group: CfnScheduleGroup;
}

/** What the scheduler fills in. */
const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';

export class Schedules extends Construct {
  readonly role: iam.Role;
  readonly undelivered: sqs.Queue;

  constructor(scope: Construct, props: SchedulesProps) {
    super(scope, `${props.name}-schedules`);
    const { name, names, target } = props;
    this.undelivered = new sqs.Queue(this, 'undelivered', {
      queueName: names.of(`${name}-undelivered`),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // Events are never replayed; they say why they were not delivered, until somebody has looked.
      retentionPeriod: Duration.days(1),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.undelivered).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SQS3',
      reason: 'it is a dead-letter queue itself, of schedules, which the rule does not know',
    });
    this.role = this.invoker(props);
    const may = (action: string, resource: string) =>
      this.role.addToPolicy(new iam.PolicyStatement({ actions: [action], resources: [resource] }));
    may('lambda:InvokeFunction', target.alias.functionArn);
    may('sqs:SendMessage', this.undelivered.queueArn);
    for (const [index, event] of events(name, props.stage).entries()) this.schedule(props, index, event);
  }

  private invoker({ name, names }: SchedulesProps): iam.Role {
    const conditions = {
      StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
      ArnEquals: { 'aws:SourceArn': arn('scheduler', `schedule-group/${names.whole}`) },
    };
    return new iam.Role(this, 'role', {
      roleName: names.of(`${name}-schedule`),
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', { conditions }),
    });
  }

  private schedule({ name, names, target, group }: SchedulesProps, index: number, event: Tick) {
    new CfnSchedule(this, `shard-${index}`, {
      name: names.of(`${name}-${index}`),
      description: `Wakes ${names.function(name)} for shard ${event.shard} of ${event.of}`,
      groupName: group.ref,
      // At the full minute, not at the second at which it was made: the minute is what a tick is called.
      scheduleExpression: everyMinutes(periodMinutes(name)),
      scheduleExpressionTimezone: 'UTC',
      // A flexible window would make healthy beats look stale.
      flexibleTimeWindow: { mode: 'OFF' },
      state: 'ENABLED',
      target: {
        arn: target.alias.functionArn,
        roleArn: this.role.roleArn,
        input: JSON.stringify(event),
        // The default is 185 attempts within a day.
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 },
        deadLetterConfig: { arn: this.undelivered.queueArn },
      },
    });
  }
}

interface Tick {
  readonly shard: number;
  readonly of: number;
  readonly scheduled_at: string;
}

/** One event per shard; heartbeat watches all of them at once. */
function events(name: FunctionName, stage: Stage): readonly Tick[] {
  const of = name === 'heartbeat' ? 1 : stage.shards;
  return Array.from({ length: of }, (_, shard) => ({ shard, of, scheduled_at: SCHEDULED_TIME }));
}

function everyMinutes(minutes: number): string {
  return `cron(${minutes === 1 ? '*' : `0/${minutes}`} * * * ? *)`;
}
