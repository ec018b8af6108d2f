/** A label of RFC 1123, which names of namespaces and clusters are: names of resources are made of them. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
