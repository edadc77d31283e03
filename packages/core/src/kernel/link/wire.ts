/**
 * What joins devices: a queue of frames on their way, first in, first out. Frames take no virtual time.
 */
import { assert } from '../../base/assert.ts';
import type { Device, Frame } from './device.ts';
import { receiveFrame } from './receive.ts';

/** How many frames one packet may cause before it is called a loop. */
const FRAMES_IN_A_ROW = 5_000_000;

/** Room for so many frames is kept. */
const ROOM = 1024;

/** Sees every frame at every device, as a capture on that device would. */
export type Tap = (device: Device, direction: 'in' | 'out', frame: Frame) => void;

/** The frames under way in one cluster, and the programs that wait for the kernel to be done with them. */
export class Wire {
  tap: Tap | undefined = undefined;
  // The queues keep their room: what is before the first has been handled.
  private devices: Device[] = [];
  private frames: Frame[] = [];
  private queued = 0;
  private programs: (() => void)[] = [];
  /** Calls of programs that have not come back yet. */
  private calls: (() => void)[] = [];
  private running = false;

  /** Puts a frame before a device's door. */
  send(device: Device, frame: Frame): void {
    this.devices[this.queued] = device;
    this.frames[this.queued++] = frame;
  }

  /** Lets a program act once no frame is under way: the kernel's work goes first. */
  wake(program: () => void): void {
    this.programs.push(program);
  }

  /** Lets a program's call go on once no frame is under way, before any other program acts. */
  goOn(call: () => void): void {
    this.calls.push(call);
  }

  /** Delivers all frames, and those they cause, and lets all programs act. Does nothing if called by one of them. */
  run(): void {
    if (this.running) return;
    this.running = true;
    try {
      this.deliver();
      this.finishCalls();
      for (let i = 0; i < this.programs.length; i++) {
        (this.programs[i] as () => void)();
        this.deliver();
        if (this.calls.length > 0) this.finishCalls();
      }
    } finally {
      this.queued = 0;
      if (this.frames.length > ROOM) {
        this.devices = [];
        this.frames = [];
      }
      this.programs = [];
      this.calls = [];
      this.running = false;
    }
  }

  private finishCalls(): void {
    for (let call = this.calls.shift(); call !== undefined; call = this.calls.shift()) {
      call();
      this.deliver();
    }
  }

  private deliver(): void {
    for (let i = 0; i < this.queued; i++) {
      receiveFrame(this.devices[i] as Device, this.frames[i] as Frame);
      assert(i < FRAMES_IN_A_ROW, 'frames go round in a loop');
    }
    this.queued = 0;
  }
}
