// One function while it is given what it may do: every grant writes its permission and its variables here.

import * as iam from 'aws-cdk-lib/aws-iam';
import type { FunctionName } from './contract.ts';
import { variable } from './contract.ts';
import type { Names } from './names.ts';
import type { Stage } from './stage.ts';
import type { StateStack } from './state-stack.ts';

/** Something that a function may do, together with what it must know to do it. */
export type Grant = (to: Grantee) => void;

export class Grantee {
  readonly variables: Record<string, string> = {};
  readonly network: { joins: boolean } = { joins: false };

  constructor(
    readonly name: FunctionName,
    readonly role: iam.Role,
    readonly stage: Stage,
    readonly names: Names,
    readonly state: StateStack,
  ) {}

  allow(actions: readonly string[], resources: readonly string[], conditions: iam.Conditions = {}) {
    if (resources.length === 0) return;
    this.role.addToPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [...resources], conditions }));
  }

  /**
   * Lambda itself does this with the function's role; the function's own code may not. Calls that Lambda makes lack
   * the key `lambda:SourceFunctionArn`, calls from inside have it.
   * https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
   */
  allowLambdaAlone(actions: readonly string[], resources: readonly string[]) {
    this.allow(actions, resources);
    this.role.addToPolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: [...actions],
        resources: [...resources],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': this.names.functionArn(this.name) } },
      }),
    );
  }

  /** A variable of ours. */
  knows(name: string, value: string) {
    this.variables[variable(name)] = value;
  }

  /** A variable of Lambda's or the SDK's. */
  isTold(name: string, value: string) {
    this.variables[name] = value;
  }
}
