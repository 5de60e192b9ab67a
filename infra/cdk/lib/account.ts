// One stage as its three stacks.

import { type App, type Environment, Tags } from 'aws-cdk-lib';
import { ConsoleStack } from './console-stack.ts';
import { Names } from './names.ts';
import { type Stage, checked } from './stage.ts';
import { StateStack } from './state-stack.ts';
import { TradingStack } from './trading-stack.ts';

export interface Account {
  readonly state: StateStack;
  readonly trading: TradingStack;
  readonly console: ConsoleStack;
}

/** `packages` is the folder that cargo-lambda built into. */
export function addStage(app: App, stage: Stage, packages: string, env: Environment = {}): Account {
  const names = new Names(checked(stage).env);
  const state = new StateStack(app, stage, names, env);
  const trading = new TradingStack(app, stage, names, state, packages, env);
  const console = new ConsoleStack(app, stage, names, trading, env);
  for (const stack of [state, trading, console]) Tags.of(stack).add('tradai-env', stage.env);
  return { state, trading, console };
}
