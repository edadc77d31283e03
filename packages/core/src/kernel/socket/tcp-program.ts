/** What a TCP socket has around it: the program behind it, and the namespace it is in. */
import type { Ipv4 } from '../../base/address.ts';
import type { Timer } from '../../base/clock.ts';
import type { SkBuff } from '../skb.ts';
import type { TcpSocket } from './tcp.ts';

/** Why a connection could not be made, or ended. */
export type TcpFailure =
  | 'ECONNREFUSED'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'ETIMEDOUT'
  | 'ECONNRESET'
  | 'EACCES'
  | 'EPERM'
  | 'EINVAL'
  | 'EMSGSIZE'
  | 'ENOPROTOOPT'
  | 'EOPNOTSUPP'
  | 'EHOSTDOWN'
  | 'ENONET';

/** The program behind a socket. Every function may call back into the socket. */
export interface TcpProgram {
  connected?(socket: TcpSocket): void;
  received?(socket: TcpSocket, text: string): void;
  /** A value came that the other side sent by {@link TcpSocket.writeMessage}. */
  message?(socket: TcpSocket, message: object): void;
  /** The other side has closed; what the program does not close now stays half open. */
  closed?(socket: TcpSocket): void;
  failed?(socket: TcpSocket, failure: TcpFailure): void;
}

/** What a socket needs of its namespace. */
export interface TcpHost {
  after(delay: number, action: () => void): Timer;
  /** Sends a packet made here; says at once if it cannot go. */
  send(skb: SkBuff): TcpFailure | undefined;
  /** Lets the socket's program act when the kernel is done with the packets under way. */
  wake(program: () => void): void;
  /** Lets a program's call go on when the kernel is done with the packets it has sent so far, before other programs act. */
  goOn(call: () => void): void;
  /** net.ipv4.tcp_sack: acknowledgements tell of what came beyond a gap. */
  tcpSack(): boolean;
  /** Bytes of a packet that gets there, if that was found to be less than its device takes. */
  pathMtu(address: Ipv4): number | undefined;
  /** Answers a segment of no connection with a reset. */
  deny(p: SkBuff): void;
  /** Takes the socket out of the tables. */
  release(socket: TcpSocket): void;
}

/** Where a connection is in its life. */
export type TcpPhase = 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'CLOSED';
