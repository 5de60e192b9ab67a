// What each function may do. The table at the end is all of it: a function's role and its environment are made from
// its row, and from nothing else.

import { createHash } from 'node:crypto';

import { type FunctionName, METRIC_NAMESPACE, PREFIX } from './contract.ts';
import { FIXED } from './egress.ts';
import type { Grant } from './grantee.ts';
import { bedrockArns } from './names.ts';
import type { Secrets } from './state-stack.ts';
import { TO_ENCRYPT, TO_JOIN_NETWORK } from './wildcards.ts';

type TableAction = 'Get' | 'Query' | 'Scan' | 'PutItem' | 'UpdateItem';

/** One key is asked for by another call than several; which it is depends on what lives. */
const calls = (action: TableAction): readonly string[] => (action === 'Get' ? ['GetItem', 'BatchGetItem'] : [action]);

/** To be a function of this stage: its name, and its own log. */
const belongs: Grant = (to) => {
  to.knows('TRADAI_ENV', to.stage.env);
  to.knows('TRADAI_STAGE_KIND', to.stage.kind);
  to.knows('TRADAI_PREFIX', PREFIX);
  to.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [`${to.names.logGroupArn(to.name)}:*`]);
  if (to.stage.elsewhere !== undefined) to.isTold('AWS_ENDPOINT_URL', to.stage.elsewhere.aws);
};

/**
 * Actions on one table; its name follows from prefix and stage, which `belongs` tells. A transaction needs the
 * actions of its parts.
 */
const table =
  (name: string, ...actions: readonly TableAction[]): Grant =>
  (to) =>
    to.allow(actions.flatMap(calls).map((action) => `dynamodb:${action}`), [to.names.tableArn(name)]);

/** Reads secrets of one kind; their names follow from prefix and stage. */
const secret =
  (of: (secrets: Secrets) => readonly string[]): Grant =>
  (to) =>
    to.allow(['secretsmanager:GetSecretValue'], of(to.state.secrets));

/** Calls a venue without a key, or with one that another grant gives. */
const venue: Grant = (to) => {
  if (to.stage.elsewhere !== undefined) to.knows('TRADAI_VENUE_URL', to.stage.elsewhere.venue);
};

/** Asks the models; most of them with a key that another grant gives, Bedrock's with the role itself. */
const model: Grant = (to) => {
  if (to.stage.elsewhere !== undefined) to.knows('TRADAI_MODEL_URL', to.stage.elsewhere.model);
  const servers = JSON.stringify(to.stage.servers ?? {});
  if (servers !== '{}') to.knows('TRADAI_SERVERS', createHash('sha256').update(servers).digest('hex'));
  to.allow(['bedrock:InvokeModel'], (to.stage.bedrockModels ?? []).flatMap(bedrockArns));
};

/** Leaves by the fixed address, where the stage has one. */
const fixedAddress: Grant = (to) => {
  if (to.state.egress === undefined) return;
  to.network.joins = true;
  to.knows('TRADAI_EGRESS', FIXED);
  to.allowLambdaAlone(TO_JOIN_NETWORK, ['*']);
};

/** Publishes pages and notices. */
const publishes: Grant = (to) => {
  const [alerts, notifications] = [to.names.topicArn('alerts'), to.names.topicArn('notifications')];
  to.knows('TRADAI_ALERTS_TOPIC_ARN', alerts);
  to.knows('TRADAI_NOTIFICATIONS_TOPIC_ARN', notifications);
  to.allow(['sns:Publish'], [alerts, notifications]);
  to.allow(TO_ENCRYPT, [to.state.key.keyArn]);
};

/** Lambda reports a failed invocation to the alerts topic; the function itself publishes nothing. */
const failuresAreTold: Grant = (to) => {
  to.allowLambdaAlone(['sns:Publish'], [to.names.topicArn('alerts')]);
  to.allowLambdaAlone(TO_ENCRYPT, [to.state.key.keyArn]);
};

/** Puts the signals. */
const signals: Grant = (to) =>
  to.allow(['cloudwatch:PutMetricData'], ['*'], { StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE } });

export const GRANTS: Readonly<Record<FunctionName, readonly Grant[]>> = {
  decide: [
    belongs,
    table('trading-state', 'Get', 'UpdateItem'),
    table('strategy-config', 'Get'),
    table('ledgers', 'Get', 'PutItem', 'UpdateItem'),
    table('positions', 'Get'),
    table('orders', 'Get', 'PutItem'),
    table('decisions', 'Query', 'PutItem', 'UpdateItem'),
    table('context', 'Query'),
    secret((secrets) => secrets.models),
    venue,
    model,
    failuresAreTold,
  ],
  execute: [
    belongs,
    table('trading-state', 'Get', 'UpdateItem'),
    table('strategy-config', 'Get'),
    table('ledgers', 'Get', 'PutItem', 'UpdateItem'),
    table('positions', 'Get', 'PutItem', 'UpdateItem'),
    table('orders', 'Get', 'PutItem', 'UpdateItem'),
    secret((secrets) => [...secrets.trade, secrets.approval]),
    venue,
    fixedAddress,
    failuresAreTold,
  ],
  heartbeat: [
    belongs,
    table('trading-state', 'Scan', 'UpdateItem'),
    table('ledgers', 'Scan', 'UpdateItem'),
    table('incidents', 'Get', 'PutItem', 'UpdateItem'),
    publishes,
    signals,
  ],
  reconcile: [
    belongs,
    table('trading-state', 'Get', 'UpdateItem'),
    table('strategy-config', 'Get'),
    table('ledgers', 'Get', 'PutItem', 'UpdateItem'),
    table('positions', 'Get'),
    table('orders', 'Get', 'Query', 'PutItem'),
    secret((secrets) => secrets.read),
    venue,
    fixedAddress,
    failuresAreTold,
  ],
};
