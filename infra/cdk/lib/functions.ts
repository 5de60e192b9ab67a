// The four functions: what they run on, what they may do, and the alias that schedules invoke.

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from './contract.ts';
import { GRANTS } from './grants.ts';
import { Grantee } from './grantee.ts';
import { ALIAS, type Names } from './names.ts';
import { packageOf } from './packages.ts';
import { KINDS, type Stage } from './stage.ts';
import type { StateStack } from './state-stack.ts';

/**
 * When Lambda ends an invocation. The functions plan with the deadline that Lambda tells them: execute sends nothing
 * in the last 17 seconds, decide asks its model for at most 30.
 */
const TIMEOUTS: Readonly<Record<FunctionName, Duration>> = {
  decide: Duration.seconds(60),
  execute: Duration.seconds(60),
  heartbeat: Duration.seconds(50),
  reconcile: Duration.seconds(120),
};

/**
 * The next tick is the retry: a tick that comes again is as old as its period, and is dropped. What failed, or waited
 * for longer than this, is told.
 */
const ONCE = { retryAttempts: 0, maxEventAge: Duration.seconds(60) } as const;

export interface FunctionProps {
  readonly name: FunctionName;
  readonly stage: Stage;
  readonly names: Names;
  readonly state: StateStack;
  /** Where the packages are. */
  readonly packages: string;
}

export class TradingFunction extends Construct {
  readonly alias: lambda.Alias;

  constructor(scope: Construct, props: FunctionProps) {
    super(scope, props.name);
    const { name, stage, names, state } = props;
    const assumedBy = new iam.ServicePrincipal('lambda.amazonaws.com');
    const role = new iam.Role(this, 'role', { roleName: names.function(name), assumedBy });
    const grantee = new Grantee(name, role, stage, names, state);
    for (const grant of GRANTS[name]) grant(grantee);
    const failed = { bind: () => ({ destination: names.topicArn('alerts') }) };
    const code = new lambda.Function(this, 'code', {
      functionName: names.function(name),
      description: `tradai ${stage.env}: ${name}`,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      code: packageOf(name, props.packages, stage.architecture),
      architecture: stage.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      memorySize: stage.memoryMb,
      timeout: TIMEOUTS[name],
      role,
      environment: grantee.variables,
      logGroup: this.log(stage, names.logGroup(name)),
      ...network(grantee),
      ...(stage.reservedConcurrency === undefined
        ? {}
        : { reservedConcurrentExecutions: stage.reservedConcurrency }),
      // Old versions stay: the alias can be put back to one without a build.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      ...ONCE,
      onFailure: failed,
    });
    // The settings of a function are not those of its alias.
    this.alias = new lambda.Alias(this, 'alias', {
      aliasName: ALIAS,
      version: code.currentVersion,
      ...ONCE,
      onFailure: failed,
    });
  }

  private log(stage: Stage, logGroupName: string): logs.LogGroup {
    const { keepsState, logs: retention } = KINDS[stage.kind];
    const removalPolicy = keepsState ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
    return new logs.LogGroup(this, 'log', { logGroupName, retention, removalPolicy });
  }
}

function network(grantee: Grantee): Partial<lambda.FunctionProps> {
  const egress = grantee.state.egress;
  if (!grantee.network.joins || egress === undefined) return {};
  return { vpc: egress.vpc, vpcSubnets: { subnetGroupName: 'functions' }, securityGroups: [egress.securityGroup] };
}
