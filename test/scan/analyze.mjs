import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installToolFolder } from '../support/tool-folder.mjs';

/**
 * Runs n8n's package scanner, as n8n runs it before it lists a package:
 *
 *   node test/scan/analyze.mjs source <folder>    the checkout
 *   node test/scan/analyze.mjs tarball <folder>   the unpacked result of npm pack
 *
 * Prints the verdict as JSON: `{ passed, message?, details? }`.
 */

// Under "test", which jest sets, one of the scanner's plugins takes every file for "Test.node.ts".
delete process.env.NODE_ENV;

const [kind, folder] = process.argv.slice(2);
const tool = await installToolFolder(import.meta.dirname, { say: console.error });
const scanner = join(tool, 'node_modules/@n8n/scan-community-package/scanner/scanner.mjs');
const { analyzePackage, SOURCE_FILE_PATTERNS } = await import(pathToFileURL(scanner).href);

const patterns = { source: SOURCE_FILE_PATTERNS, tarball: ['**/*.js', 'package.json'] }[kind];
if (!patterns || !folder) throw new Error('usage: analyze.mjs source|tarball <folder>');

const { passed, message, details } = await analyzePackage(resolve(folder), patterns);
process.stdout.write(JSON.stringify({ passed, message, details }));
