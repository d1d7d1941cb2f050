import { toBuffer } from 'qrcode';
import type { QrPainter } from '../app/ports.ts';

/** 8 pixels a module keep the code sharp on a large screen and scannable on a small one. */
const OPTIONS = { type: 'png', scale: 8, margin: 4 } as const;

export class PngQrPainter implements QrPainter {
	png(code: string): Promise<Uint8Array> {
		return toBuffer(code, OPTIONS);
	}
}
