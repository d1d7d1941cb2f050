import process from 'node:process';

/**
 * Loaded before n8n: ends it when the process that started it is gone, however that went. A test
 * run that is killed would otherwise leave an n8n behind, with nobody to stop it. An orderly stop
 * is no good here: n8n writes about it to a pipe that nobody reads any more, and waits.
 */
process.on('disconnect', () => process.exit(1));
