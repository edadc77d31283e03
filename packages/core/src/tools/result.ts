/** Results of tools: what is usual to make them of. */
import { Refusal } from '../base/refusal.ts';
import type { ToolResult } from './tool.ts';

/** A command that went well. */
export function ok(stdout: string, stderr = ''): ToolResult {
  return { stdout, stderr, code: 0 };
}

/** Lines with a newline after each. */
export function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

/** A command that failed: its message on stderr, a newline added. */
export function failed(code: number, message: string, stdout = ''): ToolResult {
  return { stdout, stderr: message === '' ? '' : `${message}\n`, code };
}

/** A refusal of what the real tool can do and the model does not. */
export function notModelled(tool: string, what: string): Refusal {
  return new Refusal({ component: tool, code: 'not-modelled', path: what, message: `${tool}: ${what} is not modelled` });
}

/** A text cut to a length fit for an error message. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
