import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { ApiConfig, STOP_DEADLINE_MS } from './config.ts';

await runService(
  {
    name: 'config-api',
    config: (env) => loadConfig(ApiConfig, env),
    start: startApp,
    stopDeadlineMs: STOP_DEADLINE_MS,
  },
  process.env,
);
