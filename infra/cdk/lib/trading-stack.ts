// What runs: functions, schedules, alarms, and the policies of people. Nothing of it is state.

import { type Environment, Stack } from 'aws-cdk-lib';
import { CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { Construct } from 'constructs';
import { alarms } from './alarms.ts';
import { FUNCTIONS } from './contract.ts';
import { TradingFunction } from './functions.ts';
import type { Names } from './names.ts';
import { approver, noter, operator, viewer } from './people.ts';
import { Schedules } from './schedules.ts';
import { ServersItem } from './servers-item.ts';
import type { Stage } from './stage.ts';
import type { StateStack } from './state-stack.ts';

export class TradingStack extends Stack {
  constructor(scope: Construct, stage: Stage, names: Names, state: StateStack, packages: string, env: Environment) {
    super(scope, names.of('trading'), { env, description: `tradai ${stage.env}: functions, schedules, alarms` });
    this.addStackDependency(state);
    const group = new CfnScheduleGroup(this, 'schedule-group', { name: names.whole });
    const schedules = FUNCTIONS.map((name) => {
      const target = new TradingFunction(this, { name, stage, names, state, packages });
      return new Schedules(this, { name, stage, names, target, group });
    });
    new ServersItem(this, names, stage.servers ?? {});
    alarms(this, stage, names);
    const people = { names, state, schedules };
    for (const policy of [viewer, operator, approver, noter]) policy(this, people);
  }
}
