/**
 * A bridge's ports, and at which of them a MAC address was last seen.
 * Follows linux net/bridge/br_fdb.c and br_forward.c; STP is off, VLANs and multicast snooping are not modelled.
 */
import type { Device } from './device.ts';
import { FdbTable } from './fdb.ts';

/** What a bridge knows: its ports, newest first, and its forwarding table. */
export class BridgeTable extends FdbTable<Device> {
  private newestFirst: readonly Device[] = [];

  /** @param upToDate called before the ports are read */
  constructor(
    ageingSeconds: number,
    private readonly upToDate: () => void = () => {},
  ) {
    super(ageingSeconds);
  }

  /** Newest first: the order in which floods go out. */
  get ports(): readonly Device[] {
    this.upToDate();
    return this.newestFirst;
  }

  set ports(newestFirst: readonly Device[]) {
    this.newestFirst = newestFirst;
  }
}
