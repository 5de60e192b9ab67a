// What people look at: dashboard, saved queries, and the bill. Trading goes on without it.

import { type Environment, Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import type { Construct } from 'constructs';
import { dashboard } from './dashboard.ts';
import type { Names } from './names.ts';
import { savedQueries } from './queries.ts';
import type { Stage } from './stage.ts';
import type { TradingStack } from './trading-stack.ts';

export class ConsoleStack extends Stack {
  constructor(scope: Construct, stage: Stage, names: Names, trading: TradingStack, env: Environment) {
    super(scope, names.of('console'), { env, description: `tradai ${stage.env}: dashboard, queries, budget` });
    this.addStackDependency(trading);
    dashboard(this, stage, names);
    savedQueries(this, names);
    budget(this, stage, names);
  }
}

/** The account's whole bill, as AWS counts it: the second opinion on what our own meter says of the model. */
function budget(scope: Construct, stage: Stage, names: Names) {
  const subscribers = [{ subscriptionType: 'SNS', address: names.topicArn('alerts') }];
  const above = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
    notification: { notificationType, comparisonOperator: 'GREATER_THAN', threshold, thresholdType: 'PERCENTAGE' },
    subscribers,
  });
  new CfnBudget(scope, 'budget', {
    budget: {
      budgetName: names.of('monthly'),
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: stage.monthlyBudgetUsd, unit: 'USD' },
    },
    notificationsWithSubscribers: [above('ACTUAL', 80), above('ACTUAL', 100), above('FORECASTED', 100)],
  });
}
