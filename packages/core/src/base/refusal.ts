/** What the real component would refuse, said in its own words. Thrown before anything is changed. */
export class Refusal extends Error {
  /** The component that refuses: `marathon`, `docker`, `iptables`, `shell`, ... */
  readonly component: string;
  /** A stable word for programs: `invalid-app`, `no-such-agent`, ... */
  readonly code: string;
  /** The field at fault, as the component names it (`/container/portMappings(0)/hostPort`), or ''. */
  readonly path: string;

  constructor(refusal: { component: string; code: string; path?: string; message: string }) {
    super(refusal.message);
    this.name = 'Refusal';
    this.component = refusal.component;
    this.code = refusal.code;
    this.path = refusal.path ?? '';
  }
}
