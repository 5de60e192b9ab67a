// One fixed address towards the exchange, for the functions that hold an exchange key.

import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Names } from './names.ts';

/** The name by which the functions count what this address asked of a venue. */
export const FIXED = 'fixed';

/**
 * A network with one way out. Two zones, so that the functions survive the loss of one that does not hold the
 * gateway; one gateway, because a second one costs as much again and what is held is protected at the exchange.
 */
export class FixedEgress extends Construct {
  readonly vpc: ec2.Vpc;
  readonly securityGroup: ec2.SecurityGroup;
  readonly address: string;

  constructor(scope: Construct, id: string, names: Names) {
    super(scope, id);
    const eip = new ec2.CfnEIP(this, 'address', { domain: 'vpc', tags: [{ key: 'Name', value: names.of('egress') }] });
    // Exchange keys are bound to it: it outlives everything.
    eip.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    this.address = eip.attrPublicIp;
    this.vpc = new ec2.Vpc(this, 'network', {
      vpcName: names.of('egress'),
      maxAzs: 2,
      natGateways: 1,
      natGatewayProvider: ec2.NatProvider.gateway({ eipAllocationIds: [eip.attrAllocationId] }),
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: { tables: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB } },
      subnetConfiguration: [
        { name: 'gateway', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 26, mapPublicIpOnLaunch: false },
        { name: 'functions', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
      ],
    });
    Validations.of(this.vpc).acknowledge({
      id: 'AwsSolutions::AwsSolutions-VPC7',
      reason: 'two functions are its only hosts, nothing can come in, and both log every order that they send',
    });
    this.securityGroup = new ec2.SecurityGroup(this, 'https-only', {
      vpc: this.vpc,
      description: 'HTTPS to anywhere, nothing else, and nothing in',
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'exchange and AWS');
  }
}
