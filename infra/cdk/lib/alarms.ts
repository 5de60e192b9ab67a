// The alarms, a row each. What CloudWatch watches, from when on, and what silence means.

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { FUNCTIONS, type FunctionName, METRIC_NAMESPACE, SIGNALS, type TopicName, periodMinutes } from './contract.ts';
import type { Names } from './names.ts';
import type { Stage } from './stage.ts';

export type Severity = 'page' | 'warn' | 'info';

/** What it means that nothing was measured. */
export type Missing =
  /** Not knowing is unhealthy. */
  | 'breaching'
  /** What was known last still stands: nobody says that it is over. */
  | 'ignore'
  /** There is nothing to count while all is well. */
  | 'notBreaching';

export interface Row {
  /** After `tradai-{env}-`. */
  readonly name: string;
  readonly severity: Severity;
  /** Who is told. A signal's page is heartbeat's own message; its alarm is the second witness. */
  readonly tells: TopicName;
  readonly metric: {
    readonly namespace: string;
    readonly name: string;
    readonly dimensions: Readonly<Record<string, string>>;
    readonly statistic: 'Maximum' | 'Sum';
  };
  readonly fires: 'above' | 'below';
  readonly threshold: number;
  /** `points` of `periods` of so many minutes each. */
  readonly periodMinutes: number;
  readonly points: number;
  readonly periods: number;
  readonly missing: Missing;
  /** The heading of the runbook. */
  readonly heading: string;
  /** One sentence for whoever is woken. */
  readonly means: string;
}

interface SignalRow {
  readonly severity: Severity;
  readonly above: number;
  readonly missing: Missing;
  readonly tells: TopicName;
  readonly means: string;
}

const notices = 'notifications' as const;

/** Heartbeat puts each once a minute; it has already judged for how long something has been so. */
const OF_SIGNALS: Readonly<Record<string, SignalRow>> = {
  'heartbeat-stale': {
    severity: 'page', above: 0, missing: 'breaching', tells: notices,
    means: 'a watched beat is stale, or heartbeat puts no signals',
  },
  'positions-stuck': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'an exit was ordered and its position is open past its limit',
  },
  'orders-stuck': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'an order has no answer past its fence, or an entry is open past its timeout',
  },
  'order-failures': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'orders of one position, or of one strategy, keep failing',
  },
  'gate-open': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'a rejection gate or a daily loss gate is open',
  },
  'reconcile-drift': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'books and exchange differ, and did at a second look',
  },
  'llm-refusals': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'the model refuses or apologises',
  },
  'llm-throttled': {
    severity: 'warn', above: 0, missing: 'ignore', tells: notices,
    means: 'the provider answers 429 to more than a tenth of the calls',
  },
  'llm-cost': {
    severity: 'page', above: 0, missing: 'ignore', tells: notices,
    means: 'the model cost more in an hour than the fleet may spend',
  },
  'risk-rejections': {
    severity: 'warn', above: 10, missing: 'ignore', tells: notices,
    means: 'our rules refused more than 10 orders in 5 minutes',
  },
  'backend-errors': {
    severity: 'page', above: 5, missing: 'ignore', tells: notices,
    means: 'more than 5 calls to the exchange failed in 5 minutes',
  },
  'daily-orders': {
    severity: 'info', above: 80, missing: 'ignore', tells: notices,
    means: 'a strategy has used more than 80 % of its orders of the day',
  },
  'latency-p99': {
    severity: 'warn', above: 1, missing: 'ignore', tells: notices,
    means: 'more than 1 % of the calls to a venue took over a second',
  },
  'pages-undelivered': {
    severity: 'page', above: 0, missing: 'breaching', tells: 'alerts',
    means: 'a page could not be published for 3 minutes, or nobody knows whether one could',
  },
};

/** The rows of signals: exactly one for each that heartbeat puts. */
function signalRows(env: string): Row[] {
  const without = SIGNALS.filter((signal) => OF_SIGNALS[signal] === undefined);
  const unknown = Object.keys(OF_SIGNALS).filter((name) => !SIGNALS.includes(name));
  const problems = [...without.map((name) => `${name} has no alarm`), ...unknown.map((name) => `${name} is no signal`)];
  if (problems.length > 0) throw new Error(problems.join('; '));
  return Object.entries(OF_SIGNALS).map(([name, { above, ...row }]) => ({
    ...row,
    name,
    heading: `tradai-{env}-${name}`,
    metric: { namespace: METRIC_NAMESPACE, name, dimensions: { Env: env }, statistic: 'Maximum' },
    fires: 'above',
    threshold: above,
    periodMinutes: 1,
    points: 1,
    periods: 1,
  }));
}

/** The rows of one function: what AWS itself measures, so that they hold when nothing of ours runs. */
function functionRows(of: FunctionName, names: Names): Row[] {
  const dimensions = { FunctionName: names.function(of) };
  const lambda = (name: string): Row['metric'] => ({ namespace: 'AWS/Lambda', name, dimensions, statistic: 'Sum' });
  const base = (what: string) =>
    ({
      name: `${of}-${what}`,
      heading: `tradai-{env}-<function>-${what}`,
      severity: 'page',
      tells: 'alerts',
      periodMinutes: periodMinutes(of),
    }) as const;
  const twice = { fires: 'above', threshold: 0, points: 2, periods: 3, missing: 'notBreaching' } as const;
  return [
    { ...base('errors'), ...twice, metric: lambda('Errors'), means: `${of} failed in 2 of 3 periods` },
    { ...base('throttled'), ...twice, metric: lambda('Throttles'), means: `${of} was not let run in 2 of 3 periods` },
    {
      ...base('silent'),
      metric: lambda('Invocations'),
      fires: 'below', threshold: 1, points: 3, periods: 3, missing: 'breaching',
      means: `${of} was not invoked for 3 of its periods`,
    },
    {
      ...base('undelivered'),
      metric: {
        namespace: 'AWS/SQS',
        name: 'ApproximateNumberOfMessagesVisible',
        dimensions: { QueueName: names.of(`${of}-undelivered`) },
        statistic: 'Maximum',
      },
      // A queue that nobody uses is not measured.
      fires: 'above', threshold: 0, points: 1, periods: 1, missing: 'notBreaching',
      means: `the scheduler dropped an event of ${of}`,
    },
  ];
}

/** Every alarm of a stage. */
export function rows(names: Names): readonly Row[] {
  return [...signalRows(names.env), ...FUNCTIONS.flatMap((of) => functionRows(of, names))];
}

const MISSING: Readonly<Record<Missing, cloudwatch.TreatMissingData>> = {
  breaching: cloudwatch.TreatMissingData.BREACHING,
  ignore: cloudwatch.TreatMissingData.IGNORE,
  notBreaching: cloudwatch.TreatMissingData.NOT_BREACHING,
};

/** The address of a heading, as GitHub makes it. */
export function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9 -]/g, '').replaceAll(' ', '-');
}

export function alarms(scope: Construct, stage: Stage, names: Names) {
  for (const row of rows(names)) alarm(scope, row, stage, names);
}

function alarm(scope: Construct, row: Row, stage: Stage, names: Names) {
  const { namespace, name, dimensions, statistic } = row.metric;
  const { GREATER_THAN_THRESHOLD, LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;
  const made = new cloudwatch.Alarm(scope, `alarm-${row.name}`, {
    alarmName: names.of(row.name),
    alarmDescription: `[${row.severity}] ${row.means}. What to do: ${stage.runbook}#${anchor(row.heading)}`,
    metric: new cloudwatch.Metric({
      namespace,
      metricName: name,
      dimensionsMap: { ...dimensions },
      statistic,
      period: Duration.minutes(row.periodMinutes),
    }),
    comparisonOperator: row.fires === 'above' ? GREATER_THAN_THRESHOLD : LESS_THAN_THRESHOLD,
    threshold: row.threshold,
    evaluationPeriods: row.periods,
    datapointsToAlarm: row.points,
    treatMissingData: MISSING[row.missing],
  });
  made.addAlarmAction({ bind: () => ({ alarmActionArn: names.topicArn(row.tells) }) });
}
