export { commonSettings } from './common-settings.ts';
export { isSecretSetting, loadConfig, variableOf } from './load-config.ts';
