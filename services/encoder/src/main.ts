import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { EncoderConfig, STOP_DEADLINE_MS } from './config.ts';

await runService(
  {
    name: 'encoder',
    config: (env) => loadConfig(EncoderConfig, env),
    start: startApp,
    stopDeadlineMs: STOP_DEADLINE_MS,
  },
  process.env,
);
