/** A container's program as a server: it listens on a port of its namespace and answers HTTP. There may be very many. */
import type { Namespace } from '../kernel/namespace.ts';
import type { TcpListener } from '../kernel/socket/sockets.ts';
import type { TcpProgram } from '../kernel/socket/tcp-program.ts';
import { HttpServer, httpDate, type Responder } from './http.ts';
import type { HttpRequest, HttpResponse, Program } from './program.ts';

/** What a program runs in. */
export interface Surroundings {
  /** Unix milliseconds at virtual time 0. */
  readonly epoch: number;
  /** Virtual milliseconds. */
  readonly now: number;
}

/**
 * Lets an image's program listen on a port of all addresses.
 * @throws Refusal `address-in-use`
 */
export function startServer(ns: Namespace, port: number, image: string, program: Program, around: Surroundings): TcpListener {
  const server = new ProgramServer(ns, port, image, program, around);
  ns.sockets.listenAs(server);
  return server;
}

class ProgramServer implements TcpListener, Responder {
  constructor(
    private readonly ns: Namespace,
    readonly port: number,
    /** The image. */
    readonly program: string,
    private readonly runs: Program,
    private readonly around: Surroundings,
  ) {}

  get address(): number {
    return 0;
  }

  close(): void {
    this.ns.sockets.unlisten(this);
  }

  accept(): TcpProgram {
    return new HttpServer(this);
  }

  respond(request: HttpRequest): HttpResponse {
    return this.runs.respond(request, httpDate(this.around.epoch + this.around.now));
  }
}
