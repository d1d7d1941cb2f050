import jsQr from 'jsqr';
import { PNG } from 'pngjs';

/** What a phone reads off the picture of a QR code. */
export function readQrCode(png: Buffer): string | undefined {
	const { data, width, height } = PNG.sync.read(png);
	return jsQr.default(new Uint8ClampedArray(data), width, height)?.data;
}
