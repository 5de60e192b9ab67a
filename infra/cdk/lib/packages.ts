// What is deployed: the folder that cargo-lambda built, or a parameter that nobody has filled in.

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { FunctionName } from './contract.ts';
import type { Architecture } from './stage.ts';

/**
 * `folder` has one folder per function, with one file `bootstrap` in it. What is not built can be looked at, and not
 * deployed: its place in S3 becomes a parameter without a default.
 */
export function packageOf(name: FunctionName, folder: string, wanted: Architecture): lambda.Code {
  const built = join(folder, name);
  const program = join(built, 'bootstrap');
  if (!existsSync(program)) return lambda.Code.fromCfnParameters();
  const found = architectureOf(program);
  if (found !== wanted) {
    throw new Error(
      `${program} is built for ${found}, and architecture in stages.ts is ${wanted}: change --target of the script ` +
        'packages in package.json, or architecture, and build again',
    );
  }
  return lambda.Code.fromAsset(built);
}

/** What its ELF header says of the processor (e_machine: two bytes at 18, little-endian). */
function architectureOf(program: string): string {
  const header = Buffer.alloc(20);
  const file = openSync(program, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  const machine = header.readUInt16LE(18);
  return MACHINES[machine] ?? `an unknown processor (ELF machine ${machine})`;
}

const MACHINES: Readonly<Record<number, Architecture>> = { 0x3e: 'x86_64', 0xb7: 'arm64' };
