/** Protocols that `proxy-url` of a kubeconfig may have, as with kubectl. */
export const PROXY_PROTOCOLS: readonly string[] = ["http:", "https:", "socks5:"];
