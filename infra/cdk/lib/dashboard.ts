// The dashboard answers an on-call person's questions in their order: is it alive, is money safe, is the model sane,
// what does it cost.

import { Aws, Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { anchor, rows } from './alarms.ts';
import { FUNCTIONS, type FunctionName, METRIC_NAMESPACE, SIGNALS, TABLES } from './contract.ts';
import type { Names } from './names.ts';
import { DOLLARS } from './queries.ts';
import type { Stage } from './stage.ts';

const WIDE = 24;
const HALF = 12;

export function dashboard(scope: Construct, stage: Stage, names: Names) {
  const { GraphWidget, TextWidget } = cloudwatch;
  const graph = (title: string, left: cloudwatch.IMetric[]) =>
    new GraphWidget({ title, left, width: HALF, height: 6, leftYAxis: { min: 0 } });
  const text = (markdown: string, height = 2) => new TextWidget({ markdown, width: WIDE, height });
  const status = (title: string, wanted: (name: string) => boolean) => {
    const of = rows(names).filter((row) => wanted(row.name));
    const alarms = of.map((row) => alarmNamed(scope, names, row.name));
    return new cloudwatch.AlarmStatusWidget({ title, width: WIDE, height: 4, alarms });
  };
  const signals = (title: string, of: readonly string[]) => graph(title, of.map((name) => signal(names, name)));
  new cloudwatch.Dashboard(scope, 'dashboard', {
    dashboardName: names.whole,
    defaultInterval: Duration.hours(3),
    widgets: [
      [text(head(stage, names), 3)],

      [text('## 1. Is it alive?\nNothing red, and four lines that run on.')],
      [status('Beats, functions, pages', (name) => ALIVE.includes(name) || !SIGNALS.includes(name))],
      [
        graph('Invocations', ofFunctions(names, 'Invocations', 'Sum')),
        graph('Errors and throttles', [
          ...ofFunctions(names, 'Errors', 'Sum'),
          ...ofFunctions(names, 'Throttles', 'Sum'),
        ]),
      ],
      [signals('Stale beats, undelivered pages', ALIVE), graph('Duration, longest', ofFunctions(names, 'Duration', 'Maximum'))],

      [text('## 2. Is money safe?\nNothing stuck, nothing failing, books = exchange.')],
      [status('Orders, positions, books', (name) => MONEY.includes(name))],
      [
        signals('Stuck, failing, drifting', ['positions-stuck', 'orders-stuck', 'order-failures', 'reconcile-drift', 'gate-open']),
        signals('Refusals by our rules, errors of the exchange', ['risk-rejections', 'backend-errors']),
      ],
      [signals('Largest share of a day\'s orders, percent', ['daily-orders']), signals('Slow calls, percent', ['latency-p99'])],

      [text('## 3. Is the model sane?\nIt answers, in the form asked for, at a price that is bounded.')],
      [status('Refusals, throttling, spend', (name) => MODEL.includes(name))],
      [signals('Strategies and providers in trouble', MODEL), graph('Decide, longest', [lambda(names, 'decide', 'Duration', 'Maximum')])],

      [text(`## 4. What does it cost?\n${bills()} The model is billed by its provider.`)],
      [
        new cloudwatch.LogQueryWidget({
          title: 'Models, dollars an hour of each strategy',
          logGroupNames: DOLLARS.of.map((name) => names.logGroup(name)),
          queryLines: [...DOLLARS.query],
          width: WIDE,
          height: 6,
        }),
      ],
      [graph('DynamoDB, write units', units(names, 'Write')), graph('DynamoDB, read units', units(names, 'Read'))],
    ],
  });
}

const ALIVE = ['heartbeat-stale', 'pages-undelivered'];
const MONEY = [
  'positions-stuck', 'orders-stuck', 'order-failures', 'gate-open', 'reconcile-drift', 'risk-rejections',
  'backend-errors', 'daily-orders', 'latency-p99',
];
const MODEL = ['llm-refusals', 'llm-throttled', 'llm-cost'];

function alarmNamed(scope: Construct, names: Names, name: string): cloudwatch.IAlarm {
  return cloudwatch.Alarm.fromAlarmArn(scope, `alarm-${name}`, names.alarmArn(name));
}

function signal(names: Names, metricName: string): cloudwatch.Metric {
  const dimensionsMap = { Env: names.env };
  const period = Duration.minutes(1);
  return new cloudwatch.Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap, statistic: 'Maximum', period });
}

function lambda(names: Names, of: FunctionName, metricName: string, statistic: string): cloudwatch.Metric {
  const dimensionsMap = { FunctionName: names.function(of) };
  const [label, period] = [`${of} ${metricName.toLowerCase()}`, Duration.minutes(5)];
  return new cloudwatch.Metric({ namespace: 'AWS/Lambda', metricName, dimensionsMap, statistic, label, period });
}

function ofFunctions(names: Names, metricName: string, statistic: string): cloudwatch.Metric[] {
  return FUNCTIONS.map((of) => lambda(names, of, metricName, statistic));
}

function units(names: Names, what: 'Read' | 'Write'): cloudwatch.Metric[] {
  return TABLES.map(({ name }) => {
    const dimensionsMap = { TableName: names.table(name) };
    const metricName = `Consumed${what}CapacityUnits`;
    const period = Duration.hours(1);
    return new cloudwatch.Metric({
      namespace: 'AWS/DynamoDB', metricName, dimensionsMap, statistic: 'Sum', label: name, period,
    });
  });
}

/** Where everything else is. */
function head(stage: Stage, names: Names): string {
  const logs = FUNCTIONS.map((name) => `[${name}](${logLink(names, name)})`).join(' · ');
  const saved = `[saved queries](${console_('cloudwatch')}#logsV2:logs-insights)`;
  const first = `what to do first: ${runbook(stage, 'First, always')}`;
  return `# ${names.whole}\n${first} · ${runbook(stage, 'Emergency stop')} · logs: ${logs} · ${saved}`;
}

/** A link where the runbook has an address, else the place in the repository. */
function runbook({ runbook: where }: Stage, heading: string): string {
  const place = heading === 'First, always' ? where : `${where}#${anchor(heading)}`;
  return /^https:/.test(where) ? `[${heading}](${place})` : `${heading} (\`${place}\`)`;
}

function bills(): string {
  return `[bills](https://console.aws.amazon.com/billing/home#/bills) · a bill above the budget is told to the alerts topic.`;
}

/** The console of a service in this region. */
function console_(service: string): string {
  return `https://${Aws.REGION}.console.aws.amazon.com/${service}/home?region=${Aws.REGION}`;
}

/** The console writes an address within an address with $252F for each slash. */
function logLink(names: Names, name: FunctionName): string {
  return `${console_('cloudwatch')}#logsV2:log-groups/log-group/${names.logGroup(name).replaceAll('/', '$252F')}`;
}
