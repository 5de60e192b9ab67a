// What people may do: a policy for whoever operates a stage and one for whoever approves its orders. They are attached
// to your own users, groups or roles.

import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { FUNCTIONS, TABLES } from './contract.ts';
import { rows } from './alarms.ts';
import { type Names, arn } from './names.ts';
import type { Schedules } from './schedules.ts';
import type { StateStack } from './state-stack.ts';
import { TO_ENCRYPT, TO_LIST } from './wildcards.ts';

export interface PeopleProps {
  readonly names: Names;
  readonly state: StateStack;
  readonly schedules: readonly Schedules[];
}

/** Everything that the runbook does. It reads no secret, and it changes no function and no permission. */
export function operator(scope: Construct, props: PeopleProps) {
  const { names, state, schedules } = props;
  const tables = (...of: readonly string[]) => of.map((name) => names.tableArn(name));
  const functions = FUNCTIONS.map((name) => names.functionArn(name));
  const { models, trade, read } = state.secrets;
  new iam.ManagedPolicy(scope, 'operator', {
    managedPolicyName: names.of('operator'),
    description: `Operates tradai ${names.env}`,
    statements: [
      may(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'], tables(...all())),
      may(['dynamodb:UpdateItem'], tables('trading-state', 'strategy-config', 'positions', 'orders', 'ledgers')),
      // Strategies come and go.
      may(['dynamodb:DeleteItem', 'dynamodb:PutItem'], tables('trading-state', 'strategy-config', 'ledgers')),
      may(
        [
          'lambda:DeleteFunctionConcurrency',
          'lambda:GetFunctionConcurrency',
          'lambda:GetFunctionConfiguration',
          'lambda:InvokeFunction',
          'lambda:PutFunctionConcurrency',
        ],
        functions,
      ),
      may(
        ['logs:FilterLogEvents', 'logs:GetLogEvents', 'logs:StartQuery'],
        FUNCTIONS.map((name) => `${names.logGroupArn(name)}:*`),
      ),
      may(['cloudwatch:DescribeAlarms'], rows(names).map((row) => names.alarmArn(row.name))),
      may(['cloudwatch:GetDashboard'], [names.dashboardArn()]),
      may(['scheduler:GetSchedule', 'scheduler:UpdateSchedule'], [arn('scheduler', `schedule/${names.whole}/*`)]),
      // To switch a schedule on again is to write it again, with its role.
      may(['iam:PassRole'], schedules.map((one) => one.role.roleArn), {
        StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
      }),
      may(
        ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:PurgeQueue', 'sqs:ReceiveMessage'],
        schedules.map((one) => one.undelivered.queueArn),
      ),
      may(['sns:Publish'], [names.topicArn('alerts')]),
      may(TO_ENCRYPT, [state.key.keyArn]),
      // To rotate a key is to write one, not to read it.
      may(['secretsmanager:PutSecretValue'], [...models, ...trade, ...read]),
      may(TO_LIST, ['*']),
    ],
  });
}

/** To see what waits and answer it. The key that signs an approval is read here and by execute alone. */
export function approver(scope: Construct, { names, state }: PeopleProps) {
  new iam.ManagedPolicy(scope, 'approver', {
    managedPolicyName: names.of('approver'),
    description: `Approves orders of tradai ${names.env}`,
    statements: [
      may(['dynamodb:GetItem', 'dynamodb:Scan'], [names.tableArn('trading-state')]),
      may(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'], [names.tableArn('orders')]),
      may(['dynamodb:Query'], [names.tableArn('decisions')]),
      may(['secretsmanager:GetSecretValue'], [state.secrets.approval]),
    ],
  });
}

function all(): readonly string[] {
  return TABLES.map((table) => table.name);
}

function may(actions: readonly string[], resources: readonly string[], conditions: iam.Conditions = {}) {
  return new iam.PolicyStatement({ actions: [...actions], resources: [...resources], conditions });
}
