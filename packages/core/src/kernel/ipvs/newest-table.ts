/**
 * Connections by the five numbers of a packet, the newest first where two have the same: the kernel puts a new
 * connection before the old ones of its hash bucket and finds those again when the new one has gone.
 */
import { type Tuple, TupleTable } from '../../base/tuple-table.ts';
import type { IpvsConnection } from './connection.ts';

interface Entry {
  readonly tuple: Tuple;
  readonly connection: IpvsConnection;
  older: Entry | undefined;
}

/** A table of connections. */
export class NewestTable {
  private readonly entries = new TupleTable<Entry>();
  private readonly tupleOf: (connection: IpvsConnection) => Tuple;

  /** @param tupleOf the numbers of a packet by which a connection is found; always the same for a connection */
  constructor(tupleOf: (connection: IpvsConnection) => Tuple) {
    this.tupleOf = tupleOf;
  }

  /** The newest connection of those numbers. */
  get(protocol: number, source: number, sourcePort: number, destination: number, port: number): IpvsConnection | undefined {
    return this.entries.get(protocol, source, sourcePort, destination, port)?.connection;
  }

  /** Adds a connection, before all of the same numbers. */
  add(connection: IpvsConnection): void {
    const tuple = this.tupleOf(connection);
    const older = this.head(tuple);
    if (older !== undefined) this.entries.delete(tuple);
    this.entries.add(tuple, { tuple, connection, older });
  }

  /** Takes a connection out. */
  remove(connection: IpvsConnection): void {
    const tuple = this.tupleOf(connection);
    const head = this.head(tuple);
    if (head === undefined) return;
    if (head.connection === connection) {
      this.entries.delete(tuple);
      if (head.older !== undefined) this.entries.add(tuple, head.older);
      return;
    }
    for (let entry = head; entry.older !== undefined; entry = entry.older) {
      if (entry.older.connection !== connection) continue;
      entry.older = entry.older.older;
      return;
    }
  }

  /** All connections, in no particular but a repeatable order. */
  *values(): Iterable<IpvsConnection> {
    for (const head of this.entries.values()) {
      for (let entry: Entry | undefined = head; entry !== undefined; entry = entry.older) yield entry.connection;
    }
  }

  private head(tuple: Tuple): Entry | undefined {
    return this.entries.get(tuple.protocol, tuple.source, tuple.sourcePort, tuple.destination, tuple.destinationPort);
  }
}
