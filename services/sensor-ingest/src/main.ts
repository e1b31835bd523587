import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { IngestConfig, STOP_DEADLINE_MS } from './config.ts';

await runService(
  {
    name: 'sensor-ingest',
    config: (env) => loadConfig(IngestConfig, env),
    start: startApp,
    stopDeadlineMs: STOP_DEADLINE_MS,
  },
  process.env,
);
