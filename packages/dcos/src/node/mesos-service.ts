/**
 * Mesos and Marathon as they are asked over HTTP: masters on port 5050, Marathon beside them on 8080, each agent on 5051.
 * The overlay's modules answer on the Mesos processes' ports. Admin Router, which stands before them on DC/OS and asks for a token, is not modelled.
 */
import { formatIpv4, type Ipv4, type Machine } from '@portolan/core';
import type { Marathon, MesosMaster } from '@portolan/scheduler';
import { AGENT_PORT, agentPage, MASTER_PORT, masterPage } from '../mesos-http/pages.ts';
import type { MesosHttpSources } from '../mesos-http/state.ts';
import { type OverlaySources, overlayPage } from '../overlay/pages.ts';
import { MARATHON_PORT, marathonPage } from './marathon-service.ts';
import { serveWeb, type WebPage, type WebRequest } from './web-server.ts';

/** What the services are made of. */
export interface MesosServiceOptions {
  readonly mesos: MesosMaster;
  readonly marathon: Marathon;
  readonly overlay: OverlaySources;
  /** The address of the master that leads. */
  readonly leader: () => Ipv4;
  /** Unix milliseconds at virtual time 0, and now. */
  readonly epoch: number;
  readonly now: () => number;
}

/** Starts the servers of masters and agents. */
export class MesosServices {
  constructor(private readonly options: MesosServiceOptions) {}

  /** A master's: one that does not lead sends on to the one that does, and its Marathon asks that one's. */
  serveMaster(machine: Machine, address: Ipv4): void {
    const { marathon, leader, now } = this.options;
    serveWeb(machine, { address: 0, port: MASTER_PORT, program: 'mesos-master' }, now, (request) => {
      const overlay = this.overlayPage(address, request);
      if (overlay !== undefined) return overlay;
      if (leader() === address) return masterPage(this.sources, request);
      const location = `//${formatIpv4(leader())}:${MASTER_PORT}${request.path}`;
      return { status: 307, type: '', body: '', headers: [['Location', location]] };
    });
    const at = { address: 0, port: MARATHON_PORT, program: 'marathon' };
    serveWeb(machine, at, now, (request) => marathonPage(marathon, leader(), request));
  }

  /** An agent's. */
  serveAgent(machine: Machine, address: Ipv4, agentId: string): void {
    const at = { address: 0, port: AGENT_PORT, program: 'mesos-agent' };
    serveWeb(
      machine,
      at,
      this.options.now,
      (request) => this.overlayPage(address, request) ?? agentPage(agentId, this.sources, request),
    );
  }

  private overlayPage(address: Ipv4, request: WebRequest): WebPage | undefined {
    const { overlay, leader } = this.options;
    return overlayPage(overlay, address, leader() === address, request);
  }

  private get sources(): MesosHttpSources {
    const { mesos, leader, epoch } = this.options;
    return { master: mesos, leader: formatIpv4(leader()), epoch };
  }
}
