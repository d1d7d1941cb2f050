/** What the use cases need to look at a receiver more closely than a delivery does. */
import type { ReceiverReport } from '../domain/diagnosis-facts.ts';
import type { WebhookRequest } from './ports.ts';

export interface ReceiverProbe {
	/** Really sends the request, once, if the receiver may be called. Never throws for its sake. */
	probe(request: WebhookRequest): Promise<ReceiverReport>;
}
