import { loadConfig } from '@gatecast/shared/config';
import { runService } from '@gatecast/shared/service';
import { startApp } from './app.ts';
import { SimulatorConfig } from './config.ts';

await runService(
  {
    name: 'simulator',
    config: (env) => loadConfig(SimulatorConfig, env),
    start: startApp,
    stopDeadlineMs: 10_000,
  },
  process.env,
);
