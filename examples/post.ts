/**
 * The whole post "DC/OS: Demystifying Marathon Network Ports", in its order. Without options the ports and agents are
 * the post's own; with --seed N chance has its way.
 */
import { hostPort } from './01-host-port.ts';
import { bridgeAndVip } from './02-bridge-and-vip.ts';
import { marathonLb } from './03-marathon-lb.ts';
import { overlay } from './04-overlay.ts';
import { perform } from './support/stage.ts';

perform((stage) => {
  hostPort(stage);
  bridgeAndVip(stage);
  marathonLb(stage);
  overlay(stage);
});
