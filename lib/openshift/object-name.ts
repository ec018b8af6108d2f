/** Names of most objects: at most 253 characters (Kubernetes, "DNS Subdomain Names", after RFC 1123). */
export const OBJECT_NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
