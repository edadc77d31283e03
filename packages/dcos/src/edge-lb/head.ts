/**
 * What every haproxy.cfg of Edge-LB begins with: `global`, `defaults`, name servers, and what its statistics answer
 * (mesosphere/dcos-edge-lb, apiserver/containerfiles/templates/haproxy.cfg.ctmpl). None of it depends on the pool.
 */
import { CIPHERS } from '../haproxy/ciphers.ts';

/** The sections before that of the statistics, each with its title first. */
export const HEAD: readonly (readonly string[])[] = [
  [
    'global',
    'daemon',
    'log /dev/log local0',
    'spread-checks 5',
    'max-spread-checks 15000',
    'maxconn 50000',
    'tune.ssl.default-dh-param 2048',
    `ssl-default-bind-ciphers ${CIPHERS}`,
    'ssl-default-bind-options no-sslv3 no-tlsv10 no-tls-tickets',
    `ssl-default-server-ciphers ${CIPHERS}`,
    'ssl-default-server-options no-sslv3 no-tlsv10 no-tls-tickets',
    'stats socket /var/run/haproxy/socket',
    'server-state-file global',
    'server-state-base /var/state/haproxy/',
    ...['getpids', 'getconfig', 'getmaps', 'signalmlb'].map((file) => `lua-load "$LBWORKDIR/haproxy/lua/${file}.lua"`),
  ],
  [
    'defaults',
    'load-server-state-from-file global',
    'log               global',
    'retries                   3',
    'backlog               10000',
    'maxconn               10000',
    'timeout connect          3s',
    'timeout client          30s',
    'timeout server          30s',
    'timeout tunnel        3600s',
    'timeout http-keep-alive  1s',
    'timeout http-request    15s',
    'timeout queue           30s',
    'timeout tarpit          60s',
    'option            dontlognull',
    'option            http-server-close',
    'option            redispatch',
    'default-server resolve-prefer ipv4',
    'default-server init-addr last,libc,none',
  ],
  [
    'resolvers default_resolvers',
    ...[1, 2, 3].map((n) => `nameserver ns${n} 198.51.100.${n}:53`),
    ...['valid           2s', 'other           2s', 'refused         2s', 'nx              2s', 'timeout         2s'].map(
      (hold) => `hold ${hold}`,
    ),
  ],
];

/** The lines of `listen stats` after its `bind`. */
export const STATS: readonly string[] = [
  'balance',
  'mode http',
  'stats enable',
  'monitor-uri /_haproxy_health_check',
  'acl getpid path /_haproxy_getpids',
  'http-request use-service lua.getpids if getpid',
  'acl getvhostmap path /_haproxy_getvhostmap',
  'http-request use-service lua.getvhostmap if getvhostmap',
  'acl getappmap path /_haproxy_getappmap',
  'http-request use-service lua.getappmap if getappmap',
  'acl getconfig path /_haproxy_getconfig',
  'http-request use-service lua.getconfig if getconfig',
  'acl signalmlbhup path /_mlb_signal/hup',
  'http-request use-service lua.signalmlbhup if signalmlbhup',
  'acl signalmlbusr1 path /_mlb_signal/usr1',
  'http-request use-service lua.signalmlbusr1 if signalmlbusr1',
];
