// What must survive: tables, secrets, topics with their key, and the address that exchange keys are bound to.

import { CfnOutput, CfnParameter, type Environment, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { TABLES, type TableSpec, TOPICS, type TopicName } from './contract.ts';
import { FixedEgress } from './egress.ts';
import { type Names, OF_THIS_ACCOUNT } from './names.ts';
import { KINDS, type Stage, withKey } from './stage.ts';
import { TO_ENCRYPT } from './wildcards.ts';

/** The ARNs of a stage's secrets. */
export interface Secrets {
  readonly approval: string;
  readonly models: readonly string[];
  readonly trade: readonly string[];
  readonly read: readonly string[];
}

export class StateStack extends Stack {
  readonly key: kms.Key;
  readonly secrets: Secrets;
  readonly egress: FixedEgress | undefined;
  private readonly keeps: boolean;
  private readonly removal: RemovalPolicy;

  constructor(scope: Construct, readonly values: Stage, readonly names: Names, env: Environment) {
    super(scope, names.of('state'), { env, description: `tradai ${values.env}: tables, secrets, topics` });
    this.keeps = KINDS[values.kind].keepsState;
    // What a first deployment that fails has made goes again, but for tables, which refuse it: their names would be taken.
    this.removal = this.keeps ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
    this.terminationProtection = this.keeps;
    for (const table of TABLES) this.table(table);
    this.key = this.topicKey();
    const addresses = this.addresses();
    for (const name of TOPICS) this.topic(name, addresses[name]);
    this.secrets = {
      approval: this.madeUpSecret('approval'),
      models: withKey(values).map((name) => this.emptySecret(`llm/${name}`)),
      trade: values.accounts.map((account) => this.emptySecret(`${account}/trade`)),
      read: values.accounts.map((account) => this.emptySecret(`${account}/read`)),
    };
    this.egress = KINDS[values.kind].fixedEgress ? new FixedEgress(this, 'egress', names) : undefined;
    if (this.egress !== undefined) {
      const description = 'Bind the exchange keys to this address';
      new CfnOutput(this, 'EgressAddress', { value: this.egress.address, description });
    }
  }

  private table(spec: TableSpec) {
    const { STRING } = dynamodb.AttributeType;
    new dynamodb.Table(this, spec.name, {
      tableName: this.names.table(spec.name),
      partitionKey: { name: spec.hashKey, type: STRING },
      ...(spec.rangeKey === null ? {} : { sortKey: { name: spec.rangeKey, type: STRING } }),
      ...(spec.expiresBy === null ? {} : { timeToLiveAttribute: spec.expiresBy }),
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: this.keeps,
      removalPolicy: this.removal,
    });
  }

  /** Without these statements CloudWatch and Budgets could not write to the topics, and nobody would notice. */
  private topicKey(): kms.Key {
    const key = new kms.Key(this, 'topic-key', {
      alias: this.names.of('topics'),
      description: `Encrypts the topics of tradai ${this.names.env}`,
      enableKeyRotation: true,
      removalPolicy: this.removal,
    });
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'AlarmsAndBudgetsPublish',
        principals: PUBLISHERS.map((service) => new iam.ServicePrincipal(service)),
        actions: TO_ENCRYPT,
        resources: ['*'],
        conditions: OF_THIS_ACCOUNT,
      }),
    );
    return key;
  }

  private addresses(): Record<TopicName, readonly string[]> {
    const { alerts, notifications } = this.values.mail;
    if (alerts.length > 0 || this.values.kind === 'dev') return { alerts, notifications };
    // Without a default: a stage that pages nobody cannot be deployed.
    const asked = new CfnParameter(this, 'AlertsMail', {
      description: 'The mail address that is paged',
      allowedPattern: '^[^@\\s]+@[^@\\s]+$',
    });
    return { alerts: [asked.valueAsString], notifications };
  }

  private topic(name: TopicName, addresses: readonly string[]) {
    const topic = new sns.Topic(this, name, {
      topicName: this.names.topic(name),
      masterKey: this.key,
      enforceSSL: true,
    });
    // A topic with a policy of its own has lost the default one, which let these in.
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'AlarmsAndBudgetsPublish',
        principals: PUBLISHERS.map((service) => new iam.ServicePrincipal(service)),
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: OF_THIS_ACCOUNT,
      }),
    );
    addresses.forEach((address) => topic.addSubscription(new EmailSubscription(address)));
  }

  /** A secret that its owner fills; until then a read says that there is none. */
  private emptySecret(path: string): string {
    return this.secret(path, {});
  }

  /** A key that nobody needs to know: execute and the approver read it. */
  private madeUpSecret(path: string): string {
    const shape = { secretStringTemplate: '{}', generateStringKey: 'api_key' };
    return this.secret(path, { ...shape, passwordLength: 64, excludePunctuation: true });
  }

  private secret(path: string, generate: secrets.CfnSecret.GenerateSecretStringProperty): string {
    const generates = Object.keys(generate).length > 0;
    const secret = new secrets.CfnSecret(this, `secret-${path.replace('/', '-')}`, {
      name: this.names.secret(path),
      ...(generates ? { generateSecretString: generate } : {}),
    });
    secret.applyRemovalPolicy(this.removal);
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SMG4',
      reason: 'a person rotates it, by the runbook: exchanges and providers give new keys to people alone',
    });
    // Its ARN, as is `Ref`; emulators know this one alone.
    return secret.attrId;
  }
}

const PUBLISHERS = ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com'];
