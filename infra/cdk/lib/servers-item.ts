// The item of model servers, written whenever the trading stack is deployed. CloudFormation has no resource for an item,
// so a function of a few lines puts it: it runs during a deployment alone, and may put this one item and nothing else.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnResource, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Names } from './names.ts';
import { type ModelServers, SERVERS_KEY, itemOf } from './servers.ts';

const CODE = join(import.meta.dirname, 'put_item.py');

export class ServersItem extends Construct {
  constructor(scope: Construct, names: Names, servers: ModelServers) {
    super(scope, 'servers');
    const functionName = names.of('servers');
    const assumedBy = new iam.ServicePrincipal('lambda.amazonaws.com');
    const role = new iam.Role(this, 'role', { roleName: functionName, assumedBy });
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['dynamodb:PutItem'],
        resources: [names.tableArn('ledgers')],
        // A put always has this key, without which the condition would hold:
        // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [SERVERS_KEY] } },
      }),
    );
    // It has no log: it tells CloudFormation why it failed.
    const code = new lambda.Function(this, 'code', {
      functionName,
      description: `Writes the model servers of tradai ${names.env} when they are deployed`,
      runtime: lambda.Runtime.PYTHON_3_14,
      handler: 'index.handler',
      code: lambda.Code.fromInline(readFileSync(CODE, 'utf8')),
      timeout: Duration.seconds(60),
      role,
    });
    const item = itemOf(servers, Stack.of(this).stackName);
    new CfnResource(this, 'item', {
      type: 'AWS::CloudFormation::CustomResource',
      properties: {
        ServiceToken: code.functionArn,
        // Seconds, enough for two tries of the function. The default is an hour.
        ServiceTimeout: 300,
        Id: SERVERS_KEY,
        Table: names.table('ledgers'),
        // As one text: CloudFormation makes texts of numbers and truth values on the way.
        Item: JSON.stringify(item),
      },
    });
  }
}
