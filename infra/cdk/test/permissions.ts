// The permissions of a template as plain rows.

import { type Json, type JsonObject, type Resource, type World, filled, list, object, text } from './world.ts';

export interface Permission {
  /** The role, key, topic, queue or managed policy that has it. */
  readonly of: string;
  readonly effect: string;
  readonly action: string;
  readonly resource: string;
  readonly condition: Json | undefined;
  readonly statement: JsonObject;
}

const DOCUMENTS: Readonly<Record<string, string>> = {
  'AWS::IAM::Policy': 'PolicyDocument',
  'AWS::IAM::ManagedPolicy': 'PolicyDocument',
  'AWS::KMS::Key': 'KeyPolicy',
  'AWS::SNS::TopicPolicy': 'PolicyDocument',
  'AWS::SQS::QueuePolicy': 'PolicyDocument',
};

/** Every permission of every stack, one row for each action and resource. */
export function permissions({ state, trading, console }: World): readonly Permission[] {
  return [state, trading, console].flatMap((stack) => stack.resources.flatMap((one) => ofResource(one)));
}

function ofResource(resource: Resource): readonly Permission[] {
  const name = DOCUMENTS[resource.type];
  if (name === undefined) return [];
  const statements = list(object(resource.properties[name])['Statement']).map(object);
  return statements.flatMap((statement) =>
    list(statement['Action']).flatMap((action) =>
      list(statement['Resource']).map((at) => ({
        of: resource.id,
        effect: text(statement['Effect']),
        action: text(action),
        resource: filled(at),
        condition: statement['Condition'],
        statement,
      })),
    ),
  );
}

/** What a function's role is allowed; `decide` is in `decideroleDefaultPolicy…`. */
export function roleOf(name: string, all: readonly Permission[], effect = 'Allow'): readonly Permission[] {
  return all.filter((one) => one.of.startsWith(`${name}role`) && one.effect === effect);
}
