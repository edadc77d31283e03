/**
 * HAProxy's statistics as CSV, from one reload to the next: sessions of frontends, servers and backends, and which servers are up
 * (HAProxy 1.9, src/stats.c). A server's sessions are attempts to connect, successful or not. What the model does not count is empty.
 */
import { type Health, statusOf } from './checks.ts';
import type { Backend, BackendServer, Frontend, HaproxyConfig } from './haproxy.ts';

/** Sessions that there are, at most were, and were in all. */
class Sessions {
  current = 0;
  most = 0;
  total = 0;

  begin(): void {
    this.total++;
    this.most = Math.max(this.most, ++this.current);
  }
}

/** Counts of one configuration. */
export class Statistics {
  private readonly counts = new Map<Frontend | Backend | BackendServer, Sessions>();

  /** A session of it begins; what is returned ends it, once. */
  begin(what: Frontend | Backend | BackendServer): () => void {
    const sessions = this.of(what);
    sessions.begin();
    let open = true;
    return () => {
      if (open) sessions.current--;
      open = false;
    };
  }

  /** The lines of `/haproxy?stats;csv`. */
  csv(config: HaproxyConfig, healthOf: (backend: Backend, server: BackendServer) => Health | undefined): string {
    const rows = config.frontends.map((frontend) => this.row(frontend, frontend.name, 'FRONTEND', { status: 'OPEN', type: 0 }));
    for (const backend of config.backends.values()) {
      const up: BackendServer[] = [];
      for (const server of backend.servers) {
        const health = healthOf(backend, server);
        if (health?.up !== false) up.push(server);
        const status = statusOf(server, health);
        const { weight, id } = server;
        rows.push(this.row(server, backend.name, server.name, { status, weight, act: 1, bck: 0, sid: id, type: 2 }));
      }
      const weight = up.reduce((sum, server) => sum + server.weight, 0);
      const status = weight > 0 || backend.servers.length === 0 ? 'UP' : 'DOWN';
      rows.push(this.row(backend, backend.name, 'BACKEND', { status, weight, act: up.length, bck: 0, type: 1 }));
    }
    return [`# ${COLUMNS.join(',')},`, ...rows, ''].join('\n');
  }

  private of(what: Frontend | Backend | BackendServer): Sessions {
    const known = this.counts.get(what) ?? new Sessions();
    this.counts.set(what, known);
    return known;
  }

  private row(what: Frontend | Backend | BackendServer, pxname: string, svname: string, more: Values): string {
    const { current: scur, most: smax, total: stot } = this.of(what);
    const queue = svname === 'FRONTEND' ? {} : { qcur: 0, qmax: 0 };
    const values: Values = { pxname, svname, ...queue, scur, smax, stot, ...more };
    return `${COLUMNS.map((column) => values[column] ?? '').join(',')},`;
  }
}

const COLUMNS: readonly string[] = [
  ...[
    'pxname',
    'svname',
    'qcur',
    'qmax',
    'scur',
    'smax',
    'slim',
    'stot',
    'bin',
    'bout',
    'dreq',
    'dresp',
    'ereq',
    'econ',
    'eresp',
  ],
  ...['wretr', 'wredis', 'status', 'weight', 'act', 'bck', 'chkfail', 'chkdown', 'lastchg', 'downtime', 'qlimit', 'pid', 'iid'],
  ...['sid', 'throttle', 'lbtot', 'tracked', 'type', 'rate', 'rate_lim', 'rate_max', 'check_status', 'check_code'],
  ...['check_duration', 'hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx', 'hrsp_other', 'hanafail', 'req_rate'],
  ...['req_rate_max', 'req_tot', 'cli_abrt', 'srv_abrt', 'comp_in', 'comp_out', 'comp_byp', 'comp_rsp', 'lastsess', 'last_chk'],
  ...['last_agt', 'qtime', 'ctime', 'rtime', 'ttime', 'agent_status', 'agent_code', 'agent_duration', 'check_desc'],
  ...['agent_desc', 'check_rise', 'check_fall', 'check_health', 'agent_rise', 'agent_fall', 'agent_health', 'addr', 'cookie'],
  ...['mode', 'algo', 'conn_rate', 'conn_rate_max', 'conn_tot', 'intercepted', 'dcon', 'dses'],
];

/** By columns. */
type Values = Readonly<Record<string, string | number>>;
