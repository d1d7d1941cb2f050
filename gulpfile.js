const { dest, parallel, src } = require('gulp');

/** Without this gulp reads files as UTF-8 text, which would damage an icon that is no text. */
const AS_BYTES = { encoding: false };

function copyIcons() {
	return src('icons/*.svg', AS_BYTES).pipe(dest('dist/icons'));
}

function copyCodex() {
	return src('nodes/**/*.node.json', AS_BYTES).pipe(dest('dist/nodes'));
}

/** Puts beside the compiled nodes what the TypeScript compiler leaves out. */
exports['build:icons'] = parallel(copyIcons, copyCodex);
