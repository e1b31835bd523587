import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { ApiConfig } from './config.ts';

await runService(
  { name: 'config-api', config: (env) => loadConfig(ApiConfig, env), start: startApp, stopDeadlineMs: 20_000 },
  process.env,
);
