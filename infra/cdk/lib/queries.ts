// Saved queries of Logs Insights: what the runbook looks for in the logs, ready to be run.

import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { FUNCTIONS, type FunctionName } from './contract.ts';
import type { Names } from './names.ts';

export interface SavedQuery {
  readonly name: string;
  readonly of: readonly FunctionName[];
  /** The messages that it looks for, as the functions write them. */
  readonly messages: readonly string[];
  readonly query: readonly string[];
}

const NEWEST = ['sort @timestamp desc', 'limit 100'];
const TRADERS: readonly FunctionName[] = ['decide', 'execute', 'reconcile'];

function saying(name: string, of: readonly FunctionName[], messages: readonly string[], fields: string): SavedQuery {
  const wanted = messages.map((message) => `"${message}"`).join(', ');
  return { name, of, messages, query: [`fields time, ${fields}`, `filter message in [${wanted}]`, ...NEWEST] };
}

/** What models cost, by strategy: the dashboard shows it too. */
export const DOLLARS: SavedQuery = {
  name: '3 model: dollars an hour of each strategy',
  of: ['decide'],
  messages: ['decided'],
  query: [
    'filter message = "decided"',
    'stats sum(usd) as dollars, count(*) as cycles by bin(1h), strategy_id',
    'sort dollars desc',
    'limit 100',
  ],
};

export const QUERIES: readonly SavedQuery[] = [
  {
    name: '1 alive: what went wrong',
    of: FUNCTIONS,
    messages: ['panic'],
    query: ['fields time, level, message, strategy_id, error, detail', 'filter level in ["ERROR", "CRITICAL"]', ...NEWEST],
  },
  saying(
    '1 alive: what was not served',
    FUNCTIONS,
    ['strategy not served', 'not reconciled', 'tick dropped', 'heartbeat failed in part'],
    'message, strategy_id, error, scheduled_at',
  ),
  saying('1 alive: what heartbeat found', ['heartbeat'], ['unhealthy'], 'kind, strategy_id, since, detail'),
  {
    name: '1 alive: time and memory',
    of: FUNCTIONS,
    messages: [],
    query: [
      'filter @type = "REPORT"',
      'stats count(*) as runs, pct(@duration, 99) as p99_ms, max(@duration) as longest_ms, ' +
        'max(@maxMemoryUsed) / 1000000 as most_mb, sum(@billedDuration) as billed_ms by @log',
    ],
  },
  {
    name: '2 money: one trace, from decision to fill (put yours in)',
    of: FUNCTIONS,
    messages: [],
    query: ['fields time, level, message, @message', 'filter trace = "TRACE"', 'sort @timestamp asc', 'limit 1000'],
  },
  saying(
    '2 money: what was sent and what came of it',
    ['execute'],
    ['order sent', 'order proven absent', 'fills recorded', 'exit ordered', 'position closed'],
    'message, strategy_id, order_id, status, trace',
  ),
  saying(
    '2 money: what our rules refused',
    ['execute'],
    ['order refused', 'entry waits', 'wish to close not granted', 'daily loss gate opened'],
    'message, strategy_id, rule, detail, trace',
  ),
  saying('2 money: calls to the exchange that failed', TRADERS, ['venue call failed'], 'strategy_id, call, kind, error'),
  saying(
    '2 money: where books and exchange differ',
    ['reconcile', 'execute'],
    ['books and venue differ', 'venue contradicts the books'],
    'message, detail, error',
  ),
  saying(
    '2 money: keys and statuses',
    ['execute'],
    ['key refused', 'status lowered', 'market fell too fast', 'the key is bound to no address', 'no approval key'],
    'message, strategy_id, error, detail',
  ),
  saying(
    '3 model: answers that could not be used',
    ['decide'],
    ['model gave no answer', 'malformed answer', 'malformed again: the cycle holds'],
    'message, strategy_id, model, error, problem',
  ),
  {
    name: '3 model: what became of each cycle, and why it abstained',
    of: ['decide'],
    messages: ['decided'],
    query: [
      'filter message = "decided"',
      'stats count(*) as cycles, sum(usd) as dollars, sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out ' +
        'by outcome, model',
      'sort cycles desc',
    ],
  },
  DOLLARS,
  {
    name: '3 model: how long it took',
    of: ['decide'],
    messages: [],
    query: [
      'filter ispresent(llm_decision_duration_seconds)',
      'stats count(*) as calls, avg(llm_decision_duration_seconds) as mean_s, ' +
        'pct(llm_decision_duration_seconds, 99) as p99_s by bin(1h)',
    ],
  },
];

export function savedQueries(scope: Construct, names: Names) {
  for (const [index, { name, of, query }] of QUERIES.entries()) {
    new CfnQueryDefinition(scope, `query-${index}`, {
      name: `${names.whole}/${name}`,
      logGroupNames: of.map((one) => names.logGroup(one)),
      queryString: query.join('\n| '),
    });
  }
}
