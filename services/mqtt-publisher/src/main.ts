import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { PublisherConfig, STOP_DEADLINE_MS } from './config.ts';

await runService(
  {
    name: 'mqtt-publisher',
    config: (env) => loadConfig(PublisherConfig, env),
    start: startApp,
    stopDeadlineMs: STOP_DEADLINE_MS,
  },
  process.env,
);
