// One stage of kind dev that points elsewhere: the same stacks, for an emulated account. The test of the deployed
// system runs it as `npx cdk --app 'node --import tsx bin/elsewhere.ts' deploy …`.

import { App } from 'aws-cdk-lib';
import { addStage } from '../lib/account.ts';

function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is missing`);
  return value;
}

addStage(
  new App(),
  {
    env: 'dev',
    kind: 'dev',
    accounts: ['main'],
    models: ['anthropic'],
    shards: 1,
    mail: { alerts: [], notifications: [] },
    monthlyBudgetUsd: 1,
    architecture: 'x86_64',
    memoryMb: 128,
    runbook: 'docs/runbook.md',
    elsewhere: { aws: need('AWS_ENDPOINT_URL'), venue: need('ELSEWHERE_VENUE_URL'), model: need('ELSEWHERE_MODEL_URL') },
  },
  need('ELSEWHERE_PACKAGES'),
);
