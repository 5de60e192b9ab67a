// What people may do: a policy for whoever looks at a stage, one for whoever operates it, one for whoever approves its
// orders, one for the pipeline that notes things for the model. They are attached to your own users, groups or roles; who
// operates or approves also looks.

import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { FUNCTIONS, TABLES } from './contract.ts';
import { rows } from './alarms.ts';
import { ALIAS, type Names, arn } from './names.ts';
import type { Schedules } from './schedules.ts';
import type { StateStack } from './state-stack.ts';
import { TO_ENCRYPT, TO_LIST } from './wildcards.ts';

export interface PeopleProps {
  readonly names: Names;
  readonly state: StateStack;
  readonly schedules: readonly Schedules[];
}

/** What the runbook looks at. It reads no secret. */
export function viewer(scope: Construct, { names, schedules }: PeopleProps) {
  const functions = FUNCTIONS.map((name) => names.functionArn(name));
  // AWS writes the address of a log group both ways, and so does who asks for it.
  const logs = FUNCTIONS.map((name) => names.logGroupArn(name)).flatMap((group) => [group, `${group}:*`]);
  const tables = TABLES.map((table) => names.tableArn(table.name));
  new iam.ManagedPolicy(scope, 'viewer', {
    managedPolicyName: names.of('viewer'),
    description: `Looks at tradai ${names.env}`,
    statements: [
      may(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'], tables),
      may(
        [
          'lambda:GetAlias', 'lambda:GetFunctionConcurrency', 'lambda:GetFunctionConfiguration',
          'lambda:ListVersionsByFunction',
        ],
        functions,
      ),
      may(['logs:FilterLogEvents', 'logs:GetLogEvents', 'logs:StartQuery'], logs),
      may(['cloudwatch:DescribeAlarms'], rows(names).map((row) => names.alarmArn(row.name))),
      may(['cloudwatch:GetDashboard'], [names.dashboardArn()]),
      may(['scheduler:GetSchedule'], [schedulesOf(names)]),
      may(['sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], schedules.map((one) => one.undelivered.queueArn)),
      may(TO_LIST, ['*']),
    ],
  });
}

/**
 * What the runbook does, beside looking. It reads no secret, writes no note for the model, and changes no permission and
 * no function, but for which of its versions runs.
 */
export function operator(scope: Construct, { names, state, schedules }: PeopleProps) {
  const tables = (...of: readonly string[]) => of.map((name) => names.tableArn(name));
  const functions = FUNCTIONS.map((name) => names.functionArn(name));
  const withAlias = functions.flatMap((name) => [name, `${name}:${ALIAS}`]);
  const { models, trade, read } = state.secrets;
  new iam.ManagedPolicy(scope, 'operator', {
    managedPolicyName: names.of('operator'),
    description: `Operates tradai ${names.env}`,
    statements: [
      may(['dynamodb:UpdateItem'], tables('trading-state', 'strategy-config', 'positions', 'orders', 'ledgers')),
      // Strategies come and go.
      may(['dynamodb:DeleteItem', 'dynamodb:PutItem'], tables('trading-state', 'strategy-config', 'ledgers')),
      may(['lambda:DeleteFunctionConcurrency', 'lambda:PutFunctionConcurrency'], functions),
      // A tick by hand goes to the version that runs; to roll back is to put one that is still there behind the alias.
      may(['lambda:InvokeFunction', 'lambda:UpdateAlias'], withAlias),
      may(['scheduler:UpdateSchedule'], [schedulesOf(names)]),
      // To switch a schedule on again is to write it again, with its role.
      may(['iam:PassRole'], schedules.map((one) => one.role.roleArn), {
        StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
      }),
      may(['sqs:PurgeQueue', 'sqs:ReceiveMessage'], schedules.map((one) => one.undelivered.queueArn)),
      may(['sns:Publish'], [names.topicArn('alerts')]),
      may(TO_ENCRYPT, [state.key.keyArn]),
      // To rotate a key is to write one, not to read it.
      may(['secretsmanager:PutSecretValue'], [...models, ...trade, ...read]),
    ],
  });
}

/** To answer what waits. The key that signs an approval is read here and by execute alone. */
export function approver(scope: Construct, { names, state }: PeopleProps) {
  new iam.ManagedPolicy(scope, 'approver', {
    managedPolicyName: names.of('approver'),
    description: `Approves orders of tradai ${names.env}`,
    statements: [
      may(['dynamodb:UpdateItem'], [names.tableArn('orders')]),
      may(['secretsmanager:GetSecretValue'], [state.secrets.approval]),
    ],
  });
}

/** For your own pipeline: it writes notes that decide may show the model, and nothing else. */
export function noter(scope: Construct, { names }: PeopleProps) {
  new iam.ManagedPolicy(scope, 'noter', {
    managedPolicyName: names.of('noter'),
    description: `Notes things for the model of tradai ${names.env}`,
    statements: [may(['dynamodb:PutItem'], [names.tableArn('context')])],
  });
}

/** The schedules of this stage: their group is theirs alone. */
function schedulesOf(names: Names): string {
  return arn('scheduler', `schedule/${names.whole}/*`);
}

function may(actions: readonly string[], resources: readonly string[], conditions: iam.Conditions = {}) {
  return new iam.PolicyStatement({ actions: [...actions], resources: [...resources], conditions });
}
