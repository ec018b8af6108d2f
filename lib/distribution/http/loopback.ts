const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** True for hosts that never leave the machine: the only ones plain HTTP is allowed for. */
export function isLoopback(host: string): boolean {
    return LOOPBACK.test(host);
}
