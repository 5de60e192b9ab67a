// Your stages. Each becomes three stacks: tradai-<env>-state, tradai-<env>-trading and tradai-<env>-console.

import type { Stage } from './lib/stage.ts';

const common = {
  accounts: [],
  models: ['anthropic'],
  shards: 1,
  mail: { alerts: [], notifications: [] },
  monthlyBudgetUsd: 20,
  architecture: 'x86_64',
  memoryMb: 128,
  runbook: 'docs/runbook.md',
} as const satisfies Partial<Stage>;

export const STAGES: readonly Stage[] = [
  { ...common, env: 'dev', kind: 'dev' },
  { ...common, env: 'paper', kind: 'paper' },
  {
    ...common,
    env: 'live',
    kind: 'live',
    accounts: ['main'],
    monthlyBudgetUsd: 100,
  },
];
