// The names that Rust and this account share. contract.json is generated from shared/src/tables.rs.

import contract from '../contract.json' with { type: 'json' };

export interface TableSpec {
  readonly name: string;
  readonly hashKey: string;
  readonly rangeKey: string | null;
  readonly expiresBy: string | null;
}

export const TABLES: readonly TableSpec[] = contract.tables;
export const SIGNALS: readonly string[] = contract.signals;
export const METRIC_NAMESPACE: string = contract.metricNamespace;
export const PREFIX: string = contract.prefix;

export const FUNCTIONS = ['decide', 'execute', 'heartbeat', 'reconcile'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export const TOPICS = ['alerts', 'notifications'] as const;
export type TopicName = (typeof TOPICS)[number];

/** How often a function is woken. */
export function periodMinutes(name: FunctionName): number {
  const found = contract.functions.find((one) => one.name === name);
  if (found === undefined) throw new Error(`contract.json knows no function ${name}`);
  return found.periodMinutes;
}

/** A variable that the functions read: they refuse to start with one that they do not know. */
export function variable(name: string): string {
  if (!contract.environment.includes(name)) throw new Error(`contract.json knows no variable ${name}`);
  return name;
}
