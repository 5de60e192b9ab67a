// What is deployed: the folder that cargo-lambda built, or a parameter that nobody has filled in.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { FunctionName } from './contract.ts';

/**
 * `folder` has one folder per function, with one file `bootstrap` in it. What is not built can be looked at, and not
 * deployed: its place in S3 becomes a parameter without a default.
 */
export function packageOf(name: FunctionName, folder: string): lambda.Code {
  const built = join(folder, name);
  if (existsSync(join(built, 'bootstrap'))) return lambda.Code.fromAsset(built);
  return lambda.Code.fromCfnParameters();
}
