import type { TriggerPanelDefinition } from 'n8n-workflow';

/** Shown on the canvas while n8n waits for a test event. */
export const WAITING =
	'Waiting for an event. For a message: write to your WhatsApp number from another phone.';

const TRY_IT =
	'<b>While building your workflow</b>, click the execute button, then make the event happen. For a message, write to your WhatsApp number from another phone; with a test key, let a simulated contact write. The execution shows up in this editor.';

const SEE_IT =
	'These executions show up in the <a data-key="executions">executions list</a>, but not in the editor.';

/**
 * What stands beside the fields of a trigger that has not run yet. n8n's own words would send
 * people to a place called "WhatIsUp" to create an event there.
 */
export const triggerPanel: TriggerPanelDefinition = {
	header: 'Listen for an event from WhatsApp',
	executionsHelp: {
		inactive: `${TRY_IT}<br /> <br /> <b>Once you are happy with it</b>, publish the workflow. Then every event starts it. ${SEE_IT}`,
		active: `${TRY_IT}<br /> <br /> <b>Your workflow also runs by itself</b>, since it is published: every event starts it. ${SEE_IT}`,
	},
	activationHint: {
		inactive:
			'Once you have finished building your workflow, publish it to let it listen all the time.',
		active:
			'This workflow is published: it also runs by itself, but those executions do not show up here.',
	},
};
