/** How often and how soon TCP sends something again, as by the defaults of linux include/net/tcp.h. */

/** Linux sends a SYN at 0, 1, 3, 7, 15, 31 and 63 s and gives up at 127 s (net.ipv4.tcp_syn_retries = 6). */
export const SYN_RETRIES = 6;
/** Its answer likewise until 31 s, given up at 63 s (net.ipv4.tcp_synack_retries = 5). */
export const SYNACK_RETRIES = 5;
/** The shortest delay of an acknowledgement (TCP_DELACK_MIN). */
export const DELAYED_ACK_MS = 40;
/** The shortest time after which anything is sent again (TCP_TIMEOUT_MIN: two jiffies, here of 4 ms). */
export const LEAST_TIMEOUT_MS = 8;
