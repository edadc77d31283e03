/**
 * Extensions that iptables has and the model does not: a rule with one is kept and printed back word for word. A
 * packet that meets it ends there, for nobody knows what would become of it, unless the target is one that changes
 * nothing the model knows of; its trace names it either way.
 */

/** A match kept as it was written. */
export interface UnmodelledMatch {
  readonly name: 'unmodelled';
  /** The extension's own name. */
  readonly match: string;
  /** Its options, quoted as iptables-save does. */
  readonly words: readonly string[];
}

/** A target kept as it was written. */
export interface UnmodelledTarget {
  readonly name: 'UNMODELLED';
  /** The target's own name. */
  readonly target: string;
  /** Its options, quoted as iptables-save does. */
  readonly words: readonly string[];
}

/** Match extensions that iptables 1.8.9 has and the model does not. */
export const UNMODELLED_MATCHES: ReadonlySet<string> = new Set(
  (
    'ah bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp ecn esp hashlimit helper ipcomp ' +
    'nfacct osf policy quota rateest realm recent rpfilter sctp socket string tcpmss time tos u32'
  ).split(' '),
);

/** Targets that iptables 1.8.9 has and the model does not. */
export const UNMODELLED_TARGETS: ReadonlySet<string> = new Set(
  (
    'AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK DSCP ECN HMARK IDLETIMER LED NFLOG NFQUEUE QUEUE RATEEST ' +
    'SECMARK SET SYNPROXY TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG'
  ).split(' '),
);

/** Those of the targets after which a packet goes on as it was, as far as the model can tell. */
export const PASSING: ReadonlySet<string> = new Set(
  'AUDIT CHECKSUM CLASSIFY CONNSECMARK DSCP ECN IDLETIMER LED NFLOG RATEEST SECMARK TOS TRACE ULOG'.split(' '),
);

/** Those of both kinds that ask for connection tracking. */
export const TRACKING: ReadonlySet<string> = new Set(
  'cluster connbytes connlabel connlimit helper CONNSECMARK CT SYNPROXY'.split(' '),
);

/** `-m recent --set --name DEFAULT`, without the flag before the name. */
export function unmodelledText(name: string, words: readonly string[]): string {
  return [name, ...words].join(' ');
}
