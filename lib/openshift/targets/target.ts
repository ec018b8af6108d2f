import { stringify } from "yaml";
import type { SignaturePolicy } from "../../signatures";
import type { MirrorObject } from "../rules/mirror-object-types";
import { listEntries } from "../rules/mirror-entries";
import { type ClusterVersion, parseClusterVersion } from "../versions";

/** What is configured without the mirror objects of a running OpenShift cluster. */
export const TARGETS = [
    "install-config",
    "appliance",
    "hypershift",
    "microshift",
    "podman",
    "containerd",
    "k3s",
] as const;

export type Target = (typeof TARGETS)[number];

/** What the files of a target are written from: the same rules that a cluster gets as objects. */
export interface TargetInput {
    /** The mirror objects of the site, one pair or one ICSP. */
    readonly objects: readonly MirrorObject[];
    /** What a node generates from them, TOML. */
    readonly registriesConf: string;
    /** `host[:port]` of the registry, as it stands in the rules. */
    readonly registryHost: string;
    /** True for a registry without TLS, on loopback. */
    readonly plainHttp: boolean;
    /** PEM of the registry's CA; "" if a public CA issued its certificate. */
    readonly ca: string;
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly version?: string | undefined;
    /** Who must have signed images. */
    readonly signatures: readonly SignaturePolicy[];
    /** Release images of the content, by version; none if the content has no release. */
    readonly releases: readonly ReleaseImage[];
}

/** A release image of the content. */
export interface ReleaseImage {
    /** What it says it is, as in `4.18.20`; "" if it does not say. */
    readonly version: string;
    /** `host/path` upstream. */
    readonly source: string;
    /** `host/path@sha256:…` at the mirror. */
    readonly mirror: string;
}

/** The files for one target. */
export interface TargetFiles {
    /** Relative path -> content. How a file is used stands in its first lines, below `RENDERED_MARK`. */
    readonly files: Readonly<Record<string, string>>;
    /** What the target cannot express, as sentences without the target's name. */
    readonly notes: readonly string[];
}

/** The first line of every rendered file but certificates. */
export const RENDERED_MARK = "# Rendered by Registry Passthrough: changes to this file are lost.";

/** A YAML or TOML file that begins with how it is used, one line each. */
export function withUsage(usage: readonly string[], content: string): string {
    return [RENDERED_MARK, ...usage.map((line) => `# ${line}`), content].join("\n");
}

/** YAML without anchors and without folded lines. */
export function formatYaml(document: object): string {
    return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Where the pulls of one upstream name go. */
export interface Route {
    /** `host[:port][/path]` */
    readonly source: string;
    /** Locations, in order. */
    readonly mirrors: readonly string[];
    /** Pulls by digest are redirected. */
    readonly digests: boolean;
    /** Pulls by tag are redirected. */
    readonly tags: boolean;
    /** The source itself is never contacted. */
    readonly isNever: boolean;
}

/** The rules as routes, by source. Every object of a site names the same mirrors and policy for a source. */
function listRoutes(objects: readonly MirrorObject[]): Route[] {
    const routes = new Map<string, Route>();
    for (const { source, mirrors, isNever, form } of objects.flatMap(listEntries)) {
        const before = routes.get(source) ?? { source, mirrors, digests: false, tags: false, isNever };
        routes.set(source, { ...before, [form === "digest" ? "digests" : "tags"]: true });
    }
    return [...routes.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
}

/** The repositories that a release's own images name (openshift/cluster-update-keys, ClusterImagePolicy openshift). */
export const PAYLOAD_REPOSITORIES: readonly string[] = [
    "quay.io/openshift-release-dev/ocp-release",
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev",
];

/**
 * Routes for pulls by digest; with a release in the content, the repositories of its payload by their full names too:
 * the agent-based installer and HyperShift look a release up by its own repository, not by its host.
 */
export function digestRoutes({ objects, releases }: TargetInput): Route[] {
    const routes = listRoutes(objects).filter(({ digests }) => digests);
    const named = releases.length === 0 ? [] : [...releases.map(({ source }) => source), ...PAYLOAD_REPOSITORIES];
    const added = [...new Set(named)].flatMap((repository) => narrowRoute(routes, repository));
    return [...routes, ...added].sort((a, b) => (a.source < b.source ? -1 : 1));
}

function narrowRoute(routes: readonly Route[], repository: string): Route[] {
    if (routes.some(({ source }) => source === repository)) return [];
    const wider = routes.find(({ source }) => repository.startsWith(`${source}/`));
    if (wider === undefined) return [];
    const path = repository.slice(wider.source.length);
    return [{ ...wider, source: repository, mirrors: wider.mirrors.map((mirror) => `${mirror}${path}`) }];
}

/** The routes of whole hosts, for a target that cannot tell apart what is below a host; notes name the others. */
export function hostRoutes(
    objects: readonly MirrorObject[],
    file: string,
): { readonly hosts: Route[]; readonly notes: string[] } {
    const routes = listRoutes(objects);
    const narrower = routes.filter(({ source }) => source.includes("/")).map(({ source }) => source);
    const notes =
        narrower.length === 0
            ? []
            : [`${file} redirects whole hosts only: there is no rule for ${narrower.join(", ")}`];
    return { hosts: routes.filter(({ source }) => !source.includes("/")), notes };
}

/** Undefined for the newest. */
export function targetVersion({ version }: TargetInput): ClusterVersion | undefined {
    return version === undefined ? undefined : parseClusterVersion(version);
}

/** True from `4.minor` on, and for the newest. */
export function isSince(version: ClusterVersion | undefined, minor: number): boolean {
    return version === undefined || version.major > 4 || version.minor >= minor;
}

/** The sources whose pulls by tag go nowhere where only pulls by digest can be redirected, as a note. */
export function tagNotes(objects: readonly MirrorObject[], place: string): string[] {
    const tagged = listRoutes(objects).filter(({ tags }) => tags);
    if (tagged.length === 0) return [];
    const names = tagged.map(({ source }) => source).join(", ");
    return [`${place} redirects pulls by digest only: pulls by tag from ${names} go upstream`];
}
