import process from 'node:process';

/**
 * Loaded before n8n: ends it when the process that started it is gone, however that went. A test
 * run that is killed would otherwise leave an n8n behind, with nobody to stop it.
 */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
