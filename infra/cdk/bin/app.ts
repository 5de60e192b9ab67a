// Every stage of stages.ts. `npx cdk deploy 'tradai-paper-*'` deploys one.

import { join, resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { addStage } from '../lib/account.ts';
import { STAGES } from '../stages.ts';

// Where `npm run packages` builds into.
const target = process.env['CARGO_TARGET_DIR'] || join(import.meta.dirname, '../../../target');
const app = new App();
for (const stage of STAGES) addStage(app, stage, resolve(target, 'packages'));
