/**
 * HAProxy's `roundrobin`: weighted fair queueing by position (HAProxy 2.0 to 2.6, src/lb_fwrr.c). A server used at one
 * position is due again total weight / own weight positions later, remainders carried along; what falls beyond the current
 * round waits in the next one, heavy servers first. With equal weights it is the order of the file, cyclic.
 */
import type { Ipv4 } from '@portolan/core';
import type { Balancer } from './balance.ts';
import type { BackendServer } from './haproxy.ts';
import { KeyQueue } from './queue.ts';

/** A weight unit in effective weights; the finest a slow start can set. */
const SCALE = 16;
const MOST = 256 * SCALE;
/** Positions come before what is left of a server's remainder. */
const POSITION_UNIT = 256;

interface Place {
  readonly server: BackendServer;
  readonly weight: number;
  /** Where it is due; 0 if it has not been used in this round. */
  position: number;
  remainder: number;
  queue: KeyQueue<Place> | undefined;
}

/** The state of one backend's round. */
export class WeightedRoundRobin implements Balancer {
  private readonly places: ReadonlyMap<BackendServer, Place>;
  private readonly current = new KeyQueue<Place>();
  private fresh = new KeyQueue<Place>();
  private later = new KeyQueue<Place>();
  private position: number;
  private roundWeight: number;
  private nextWeight: number;
  private readonly down = new Set<BackendServer>();

  constructor(servers: readonly BackendServer[]) {
    const places = servers.map((server): Place => {
      return { server, weight: server.weight * SCALE, position: 0, remainder: 0, queue: undefined };
    });
    this.places = new Map(places.map((place) => [place.server, place]));
    this.nextWeight = places.reduce((sum, { weight }) => sum + weight, 0);
    this.position = this.nextWeight;
    this.roundWeight = this.nextWeight;
    for (const place of places) if (place.weight > 0) this.queueByWeight(this.fresh, place);
  }

  take(_request: { readonly source: Ipv4 }, avoid?: BackendServer): BackendServer | undefined {
    let switched = false;
    let avoided: Place | undefined;
    for (;;) {
      if (this.roundWeight === 0) {
        this.roundWeight = this.nextWeight;
        this.position = this.nextWeight;
      }
      let place = this.next();
      if (place === undefined && !switched) {
        switched = true;
        this.startRound();
        place = this.next();
      }
      if (place === undefined) {
        if (avoided !== undefined) this.queue(avoided);
        return avoided?.server;
      }
      this.advance(place);
      this.dequeue(place);
      this.position++;
      if (place.server !== avoid || avoided !== undefined) {
        this.queue(place);
        if (avoided !== undefined && avoided !== place) {
          if (switched) this.queueByWeight(this.fresh, avoided);
          else this.queue(avoided);
        }
        return place.server;
      }
      avoided = place;
    }
  }

  takeServer(_server: BackendServer): void {}

  release(_server: BackendServer): void {}

  isUp(server: BackendServer): boolean {
    return !this.down.has(server);
  }

  setUp(server: BackendServer, up: boolean): void {
    const place = this.places.get(server);
    if (place === undefined || up === this.isUp(server)) return;
    if (up) {
      this.down.delete(server);
      this.nextWeight += place.weight;
      // It comes in where it would be due had it just been used.
      place.position = 0;
      place.remainder = 0;
      if (place.weight > 0) this.queueByWeight(this.later, place);
    } else {
      this.down.add(server);
      this.nextWeight -= place.weight;
      this.dequeue(place);
    }
  }

  /** The server that is due, or one not yet used in this round. */
  private next(): Place | undefined {
    const due = this.current.first();
    if (due !== undefined && due.position <= this.position) return due;
    const unused = this.fresh.first();
    if (unused === undefined) return due;
    unused.position = 0;
    unused.remainder = 0;
    return unused;
  }

  private startRound(): void {
    [this.fresh, this.later] = [this.later, this.fresh];
    this.roundWeight = this.nextWeight;
    this.position = this.nextWeight;
  }

  private advance(place: Place): void {
    if (place.position === 0) place.position = this.position;
    place.position += Math.floor(this.nextWeight / place.weight);
    place.remainder += this.nextWeight % place.weight;
    if (place.remainder < place.weight) return;
    place.remainder -= place.weight;
    place.position++;
  }

  private queue(place: Place): void {
    if (place.position >= 2 * this.roundWeight || place.position >= this.roundWeight + this.nextWeight) {
      place.position -= this.roundWeight;
      this.queueByWeight(this.later, place);
      return;
    }
    const fraction = Math.floor((MOST + place.remainder - place.weight) / SCALE);
    this.current.insert(POSITION_UNIT * place.position + fraction, place);
    place.queue = this.current;
  }

  private queueByWeight(queue: KeyQueue<Place>, place: Place): void {
    queue.insert(MOST - place.weight, place);
    place.queue = queue;
  }

  private dequeue(place: Place): void {
    place.queue?.remove(place);
    place.queue = undefined;
  }
}
