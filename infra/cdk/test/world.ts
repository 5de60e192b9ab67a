// Stages as templates, made without an account and without a build.

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../cdk.json' with { type: 'json' };
import { addStage } from '../lib/account.ts';
import { FUNCTIONS } from '../lib/contract.ts';
import type { Kind, Stage } from '../lib/stage.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** A resource of a template. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly deletionPolicy: string | undefined;
}

export class Stack {
  readonly template: JsonObject;
  readonly resources: readonly Resource[];

  constructor(template: Template) {
    this.template = template.toJSON() as JsonObject;
    this.resources = Object.entries(object(this.template['Resources'])).map(([id, resource]) => {
      const { Type, Properties, DeletionPolicy } = object(resource);
      return {
        id,
        type: text(Type),
        properties: Properties === undefined ? {} : object(Properties),
        deletionPolicy: DeletionPolicy === undefined ? undefined : text(DeletionPolicy),
      };
    });
  }

  of(type: string): readonly Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }
}

export interface World {
  readonly state: Stack;
  readonly trading: Stack;
  readonly console: Stack;
}

/** A stage whose owner chose the least: what differs between kinds then follows from the kind alone. */
export function stage(kind: Kind, more: Partial<Stage> = {}): Stage {
  return {
    env: 'paper',
    kind,
    accounts: ['main'],
    models: ['anthropic'],
    shards: 1,
    mail: { alerts: ['pages@example.com'], notifications: [] },
    monthlyBudgetUsd: 20,
    architecture: 'x86_64',
    memoryMb: 128,
    runbook: 'docs/runbook.md',
    ...more,
  };
}

/** Where nothing was built. */
export const NOTHING_BUILT = join(tmpdir(), 'tradai-nothing-is-here');

const MADE = new Map<string, World>();

/** Its templates; one that was made is not made again. */
export function world(of: Stage, packages: string = NOTHING_BUILT): World {
  const key = JSON.stringify([of, packages]);
  const made = MADE.get(key) ?? make(of, packages);
  MADE.set(key, made);
  return made;
}

function make(of: Stage, packages: string): World {
  const app = new App({ context: cdkJson.context, analyticsReporting: false });
  const { state, trading, console } = addStage(app, of, packages);
  const stack = (one: Parameters<typeof Template.fromStack>[0]) => new Stack(Template.fromStack(one));
  return { state: stack(state), trading: stack(trading), console: stack(console) };
}

/** Packages as cargo-lambda leaves them. */
export function built(machine = 0x3e): string {
  const folder = mkdtempSync(join(tmpdir(), 'tradai-packages-'));
  for (const name of FUNCTIONS) {
    mkdirSync(join(folder, name));
    const header = Buffer.alloc(20);
    header.writeUInt16LE(machine, 18);
    writeFileSync(join(folder, name, 'bootstrap'), Buffer.concat([header, Buffer.from(name)]));
  }
  return folder;
}

export const KINDS_OF_STAGE: readonly Kind[] = ['dev', 'paper', 'live'];

/** A file of the repository. */
export function source(path: string): string {
  return readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
}

export function object(value: Json | undefined): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value as JsonObject;
}

export function list(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}

export function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Error(`not a text: ${JSON.stringify(value)}`);
  return value;
}

/** A name or ARN with what CloudFormation fills in: account 123456789012 in eu-central-1. */
export function filled(value: Json | undefined): string {
  if (typeof value === 'string') return withPseudo(value);
  const { Ref, ...fn } = object(value);
  if (Ref !== undefined) return withPseudo(`\${${text(Ref)}}`);
  if (fn['Fn::Sub'] !== undefined) return withPseudo(text(fn['Fn::Sub']));
  if (fn['Fn::ImportValue'] !== undefined) return `import:${text(fn['Fn::ImportValue'])}`;
  if (fn['Fn::GetAtt'] !== undefined) return list(fn['Fn::GetAtt']).join('.');
  if (fn['Fn::Join'] !== undefined) {
    const [between, parts] = list(fn['Fn::Join']);
    return list(parts).map(filled).join(text(between));
  }
  throw new Error(`cannot fill in ${JSON.stringify(value)}`);
}

function withPseudo(value: string): string {
  return value
    .replaceAll('${AWS::Partition}', 'aws')
    .replaceAll('${AWS::Region}', 'eu-central-1')
    .replaceAll('${AWS::AccountId}', '123456789012');
}
