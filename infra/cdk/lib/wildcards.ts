// Every wildcard in a permission of this account, with the reason why it is not an exact name. A test holds that
// the templates have no other and that each of these is used.

export interface Wildcard {
  /** The resource or action as it stands in a policy. */
  readonly what: string;
  /** The actions that it is used with. */
  readonly actions: readonly string[];
  readonly why: string;
}

/** What a publisher needs of the key of an encrypted topic. */
export const TO_ENCRYPT = ['kms:Decrypt', 'kms:GenerateDataKey*'];
/** What Lambda does to put a function into a network. */
export const TO_JOIN_NETWORK = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];
/** Lists and query results, which have no resource that a policy could name. */
export const TO_LIST = [
  'cloudwatch:GetMetricData',
  'cloudwatch:ListMetrics',
  'logs:DescribeLogGroups',
  'logs:DescribeQueries',
  'logs:DescribeQueryDefinitions',
  'logs:GetQueryResults',
  'logs:StopQuery',
  'scheduler:ListSchedules',
  'sns:ListTopics',
];

export const WILDCARDS: readonly Wildcard[] = [
  {
    what: 'kms:GenerateDataKey*',
    actions: [],
    why: 'the action as AWS documents it for encrypted topics; a narrower one would lose pages without a word',
  },
  { what: '*', actions: TO_ENCRYPT, why: 'in the policy of a key it means that key, which cannot name itself' },
  { what: '*', actions: ['kms:*'], why: 'the statement of every key that leaves the account in charge of it' },
  { what: 'kms:*', actions: [], why: 'the same statement' },
  {
    what: '*',
    actions: ['cloudwatch:PutMetricData'],
    why: 'metrics have no ARN; the condition cloudwatch:namespace binds it to ours',
  },
  {
    what: '*',
    actions: TO_JOIN_NETWORK,
    why: 'Lambda makes network interfaces whose names nobody knows before; the function itself is denied them',
  },
  {
    what: 'log-group:…:*',
    actions: ['logs:CreateLogStream', 'logs:FilterLogEvents', 'logs:GetLogEvents', 'logs:PutLogEvents', 'logs:StartQuery'],
    why: 'the streams of one named group; Lambda names them',
  },
  {
    what: 'bedrock:*::foundation-model/…',
    actions: ['bedrock:InvokeModel'],
    why: 'one named model, in whichever region its inference profile sends the question to; AWS may add regions',
  },
  { what: '*', actions: TO_LIST, why: 'lists and query results have no resource that a policy could name' },
  {
    what: 'schedule/…/*',
    actions: ['scheduler:GetSchedule', 'scheduler:UpdateSchedule'],
    why: 'the schedules of this stage; their group is theirs alone',
  },
];
