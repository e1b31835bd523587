import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { EncoderConfig } from './config.ts';

await runService(
  {
    name: 'encoder',
    config: (env) => loadConfig(EncoderConfig, env),
    start: startApp,
    stopDeadlineMs: 30_000,
  },
  process.env,
);
