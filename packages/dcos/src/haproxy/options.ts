/**
 * Lines of `option`: which words HAProxy 2.0 knows (src/proxy.c, cfg_opts and cfg_opts2, and src/cfgparse-listen.c). But for
 * `forwardfor` and `httpchk`, which a backend reads itself, they do not change where a request goes.
 */
import type { ConfigLine } from './lines.ts';
import { refuseLine } from './server-line.ts';

const OPTIONS: ReadonlySet<string> = new Set([
  ...['abortonclose', 'accept-invalid-http-request', 'accept-invalid-http-response', 'allbackups', 'checkcache', 'clitcpka'],
  ...['contstats', 'disable-h2-upgrade', 'dontlog-normal', 'dontlognull', 'external-check', 'forwardfor', 'http-buffer-request'],
  ...['http-ignore-probes', 'http-keep-alive', 'http-no-delay', 'http-pretend-keepalive', 'http-server-close'],
  ...['http-use-proxy-header', 'httpchk', 'httpclose', 'httplog', 'independent-streams', 'ldap-check', 'log-health-checks'],
  ...['log-separate-errors', 'logasap', 'mysql-check', 'nolinger', 'originalto', 'persist', 'pgsql-check'],
  ...['prefer-last-server', 'redis-check', 'redispatch', 'smtpchk', 'socket-stats', 'splice-auto', 'splice-request'],
  ...['splice-response', 'spop-check', 'srvtcpka', 'ssl-hello-chk', 'tcp-check', 'tcp-smart-accept', 'tcp-smart-connect'],
  ...['tcpka', 'tcplog', 'transparent'],
]);

/**
 * Looks whether a line's option exists.
 * @throws Refusal in HAProxy's words, but for its guess at what was meant
 */
export function checkOption(line: ConfigLine): void {
  const [, name = ''] = line.words;
  if (!OPTIONS.has(name)) throw refuseLine(line, 'unknown-option', `unknown option '${name.slice(0, 100)}'.`);
}
