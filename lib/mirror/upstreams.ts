/** One host that disconnected clusters are usually concerned with (Red Hat solution 2998411). */
export interface Upstream {
    /** `host`, or `host/path` where only a part of a shared host is meant. */
    readonly host: string;
    /** `registry`: images are pulled by this name. `egress-only`: never in a pull spec, so never a mirror source. */
    readonly class: "registry" | "egress-only";
    readonly priority: "core" | "high" | "egress";
    /** What it is, as the end of the sentence "<host> is …". */
    readonly reason: string;
}

const registry = (host: string, priority: "core" | "high", reason: string): Upstream => ({
    host,
    class: "registry",
    priority,
    reason,
});
const egressOnly = (host: string, reason: string): Upstream => ({
    host,
    class: "egress-only",
    priority: "egress",
    reason,
});

/** The named default list, most important first. */
const UPSTREAMS: readonly Upstream[] = [
    registry("registry.access.redhat.com", "core", "a registry without login: UBI and other base images"),
    registry("registry.redhat.io", "core", "a registry with login: most operators and UBI"),
    registry("registry.connect.redhat.com", "core", "a registry: certified images of partners"),
    registry("quay.io", "high", "a registry: the release payload and community images"),
    registry("docker.io", "high", "a registry: wanted only if workloads name it"),
    egressOnly("cdn.quay.io", "a blob store reached by redirects from quay.io, never part of a pull spec"),
    egressOnly("storage.googleapis.com/openshift-release", "a file store of release signatures, not a registry"),
    egressOnly("sso.redhat.com", "a login service, not a registry"),
    egressOnly("github.com", "a git host, not a registry (its registry is ghcr.io)"),
    egressOnly("gitlab.com", "a git host, not a registry (its registry is registry.gitlab.com)"),
];

/** The hosts that image references may name unless a site says otherwise: the registries of the named default list. */
export const DEFAULT_UPSTREAM_HOSTS: readonly string[] = UPSTREAMS.filter(
    (upstream) => upstream.class === "registry",
).map((upstream) => upstream.host);

/** A host that must be reachable to download images from a registry. */
export interface ConnectedHost {
    readonly host: string;
    /** What it is for. */
    readonly reason: string;
}

const QUAY_CDN = ["", "01", "02", "03", "04", "05", "06"].map((number) => `cdn${number}.quay.io`);
const RED_HAT = ["quay.io", "registry.redhat.io", "registry.access.redhat.com"];

/**
 * What downloads need beside the registries themselves (openshift-docs, modules/configuring-firewall.adoc;
 * access.redhat.com/node/7001746; docker/docs, desktop/setup/allow-list.md).
 */
const COMPANIONS: readonly (ConnectedHost & { readonly of: readonly string[] })[] = [
    ...QUAY_CDN.map((host) => ({ host, of: RED_HAT, reason: "blobs: registries of Red Hat redirect to it" })),
    { host: "sso.redhat.com", of: ["registry.redhat.io"], reason: "login" },
    { host: "access.redhat.com", of: ["registry.access.redhat.com"], reason: "signatures of images" },
    { host: "storage.googleapis.com", of: ["quay.io"], reason: "signatures of releases (/openshift-release)" },
    { host: "mirror.openshift.com", of: ["quay.io"], reason: "signatures and clients of releases" },
    { host: "api.openshift.com", of: ["quay.io"], reason: "update graph of releases" },
    { host: "registry-1.docker.io", of: ["docker.io"], reason: "the API of docker.io" },
    { host: "auth.docker.io", of: ["docker.io"], reason: "login" },
    ...["production.cloudflare.docker.com", "production.cloudfront.docker.com"].map((host) => ({
        host,
        of: ["docker.io"],
        reason: "blobs: docker.io redirects to it",
    })),
];

/**
 * The hosts that a machine needs to download from registries: themselves, and where they redirect to or log in. Of a
 * registry that the lists do not name, only itself is known.
 * @param registries canonical hosts
 */
export function connectedHosts(registries: readonly string[]): ConnectedHost[] {
    const names = [...new Set(registries)].sort();
    const own = names.map((host) => ({ host, reason: classifyUpstream(host)?.reason ?? "a registry" }));
    const companions = COMPANIONS.filter(({ of }) => of.some((host) => names.includes(host)));
    return [...own, ...companions.map(({ host, reason }) => ({ host, reason }))];
}

/** The numbered siblings that quay.io redirects to as well (access.redhat.com/node/7001746). */
const NUMBERED_CDN = /^cdn\d{2}\.quay\.io$/;

/**
 * What the named default list says of a host (any case, with or without :443; a path below a listed host is covered by
 * it). @returns undefined for hosts that it does not name: they may well be registries.
 */
export function classifyUpstream(host: string): Upstream | undefined {
    const asked = host.toLowerCase().replace(/^([^/]*):443(?=\/|$)/, "$1");
    const numbered = NUMBERED_CDN.exec(asked.split("/")[0] ?? "");
    const name = numbered === null ? asked : "cdn.quay.io";
    const found = UPSTREAMS.find(
        (upstream) =>
            name === upstream.host || name.startsWith(`${upstream.host}/`) || upstream.host.startsWith(`${name}/`),
    );
    return found && numbered ? { ...found, host: numbered[0] } : found;
}
