import { type Reference, formatReference, parseReference, tryParseReference } from "../../oci/reference";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { PassthroughError, toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import type { MirrorBase } from "../../mirror/mirror-reference";
import { type RegistriesConf, isInternalReleaseMirror, resolvePull } from "../../openshift";
import { mapLimited } from "../../concurrency/limiter";

/** Where something asks for an image. */
export interface ImageUse {
    /** As it is written there. */
    readonly image: string;
    /** Who asks, and where that stands. */
    readonly owner: string;
    /** It is only offered: nothing pulls it until somebody builds or deploys with it. */
    readonly isSample?: true;
}

/** What a pull of one image will find. */
export type CoverageState =
    /** The mirror has it. */
    | "covered"
    /** The mirror lacks it, and by the rules the release registry on the cluster's own nodes has it; nobody else can ask it. */
    | "nodes"
    /** Rules lead to the mirror, which lacks it, or no rule leads there. */
    | "missing"
    /** A registry of the cluster itself serves it. */
    | "internal"
    /** It is no image reference. */
    | "invalid"
    /** The mirror did not say whether it has it. */
    | "unknown";

/** One image with everybody who asks for it. */
export interface CoveredImage {
    readonly image: string;
    readonly owners: readonly string[];
    readonly state: CoverageState;
    /** Why it is not covered. */
    readonly problem?: Problem;
    /** What belongs into the image set, `host/path:tag` or `host/path@sha256:…`; of missing images only. */
    readonly add?: string;
    /** As it is pulled, `host/path:tag` or `host/path@sha256:…`; of missing and unknown images only. */
    readonly reference?: string;
    /** Sources of the mirror rules that its pulls follow; of missing and unknown images only. */
    readonly sources?: readonly string[];
    /** Everything that names it only offers it. */
    readonly isSample?: true;
}

export interface CoverageRequest {
    readonly uses: readonly ImageUse[];
    /** With the account that clusters pull with. */
    readonly client: RegistryClient;
    readonly mirror: MirrorBase;
    /** The rules to be. */
    readonly rules: RegistriesConf;
    /** Pulls asked for at the same time. */
    readonly concurrency: number;
    /** Images that the mirror is about to get count as covered; default: none. */
    readonly willHave?: ((reference: Reference) => boolean) | undefined;
    readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** The image registry of every OpenShift cluster. */
const INTERNAL = /^image-registry\.openshift-image-registry\.svc(\.cluster\.local)?(:5000)?\//;

/**
 * Follows the rules for every image as the container runtime does, and asks the mirror for its manifest. Images come in
 * the order of their names, each once. When the mirror cannot be reached or rejects the account, the images after that are
 * unknown for the same reason, without a request each.
 */
export async function coverage(request: CoverageRequest): Promise<CoveredImage[]> {
    const uses = new Map<string, ImageUse[]>();
    for (const use of request.uses) uses.set(use.image, [...(uses.get(use.image) ?? []), use]);
    const images = [...uses.keys()].sort();
    const run: Run = { ...request };
    let done = 0;
    return mapLimited(images, request.concurrency, async (image) => {
        const result = await check(image, run);
        request.onProgress?.(++done, images.length);
        const own = uses.get(image) ?? [];
        return {
            image,
            owners: [...new Set(own.map(({ owner }) => owner))],
            ...(own.every(({ isSample }) => isSample === true) ? { isSample: true as const } : {}),
            ...result,
        };
    });
}

interface Run extends CoverageRequest {
    /** Why the mirror cannot be asked for any image. */
    outage?: Problem;
}

/** Problems of the connection or the account, which every other request has too. */
const OUTAGES: readonly string[] = [
    "CLIENT_CERTIFICATE_REJECTED",
    "CLIENT_CERTIFICATE_REQUIRED",
    "NETWORK",
    "NOT_A_REGISTRY",
    "PROXY_FAILED",
    "PROXY_REJECTED",
    "TIMEOUT",
    "TLS",
    "TOKENS_REJECTED",
    "TOKEN_URL_UNREACHABLE",
];

/** Host names of mirror rules match by case, and rules are written in lower case. */
const UPPER_CASE_HOST = /^[^/]*[A-Z][^/]*[.:][^/]*\/|^[^/]*[.:][^/]*[A-Z][^/]*\//;

async function check(image: string, run: Run): Promise<Omit<CoveredImage, "image" | "owners">> {
    if (INTERNAL.test(image)) return { state: "internal" };
    const reference = tryParseReference(image);
    if (reference === undefined) return { state: "invalid", problem: invalidReference(image) };
    if (UPPER_CASE_HOST.test(image)) return { state: "missing", problem: upperCaseHost(reference) };
    const asked = candidates(image, reference, run.rules);
    const wanted = withoutTagOfDigest(asked.at(-1) ?? reference);
    const sources = asked.flatMap((candidate) => resolvePull(run.rules, candidate).rule ?? []);
    const found = { reference: formatReference(wanted), sources: [...new Set(sources)] };
    try {
        for (const candidate of asked) if (await isAtMirror(candidate, run)) return { state: "covered" };
    } catch (error) {
        const problem = toProblem(error);
        if (OUTAGES.includes(problem.code)) run.outage = problem;
        if (asked.some((candidate) => isOnNodes(candidate, run))) return { state: "nodes" };
        return { state: "unknown", problem, ...found };
    }
    if (asked.some((candidate) => isOnNodes(candidate, run))) return { state: "nodes" };
    const redirected = placesAtMirror(wanted, run).length > 0;
    return {
        state: "missing",
        add: found.reference,
        ...found,
        ...(redirected ? {} : { problem: notRedirected(wanted, run.rules) }),
    };
}

/** The registry of an InternalReleaseImage has the release that its nodes were installed with, by digest. */
function isOnNodes(reference: Reference, { rules }: CoverageRequest): boolean {
    if (reference.digest === undefined) return false;
    return resolvePull(rules, reference).attempts.some(({ location }) => isInternalReleaseMirror(location));
}

/** A name without a host is searched for at every host of the nodes' list, in order. */
function candidates(image: string, reference: Reference, rules: RegistriesConf): Reference[] {
    const [first = "", ...path] = image.split("/");
    if (path.length > 0 && /[.:]|^localhost$/.test(first)) return [reference];
    return (rules["unqualified-search-registries"] ?? []).flatMap((host) => {
        const searched = tryParseReference(`${host}/${image}`);
        return searched === undefined ? [] : [searched];
    });
}

/** @throws RegistryError if the mirror cannot be asked */
async function isAtMirror(reference: Reference, run: Run): Promise<boolean> {
    const places = placesAtMirror(reference, run);
    if (places.length > 0 && run.willHave?.(withoutTagOfDigest(reference)) === true) return true;
    for (const { repository, digest, tag = "" } of places) {
        if (run.outage !== undefined) throw new PassthroughError(run.outage.problem, run.outage);
        if ((await run.client.manifestHead(repository, digest ?? tag)) !== undefined) return true;
    }
    return false;
}

/** Where a pull asks the mirror, in order. */
function placesAtMirror(reference: Reference, { mirror, rules }: CoverageRequest): Reference[] {
    const places = resolvePull(rules, reference).attempts.map((attempt) => parseReference(attempt.reference));
    return places.filter(({ registry }) => registry === mirror.host);
}

/** The digest decides what is pulled. */
function withoutTagOfDigest({ registry, repository, tag, digest }: Reference): Reference {
    return digest === undefined
        ? { registry, repository, ...(tag === undefined ? {} : { tag }) }
        : { registry, repository, digest };
}

function notRedirected(reference: Reference, rules: RegistriesConf): Problem {
    const { registry, digest } = reference;
    const form = digest === undefined ? "tag" : "digest";
    const { attempts, rule = "" } = resolvePull(rules, reference);
    const others = attempts.filter(({ viaMirror }) => viaMirror).map(({ location }) => location);
    if (others.length > 0) {
        return {
            code: "NOT_REDIRECTED",
            problem: `the mirror rule ${rule} redirects its pulls by ${form} to ${others.join(", ")}, not to this mirror`,
            // Rules of ours are for hosts, and win over a wildcard.
            fix: rule.startsWith("*.")
                ? "add it to the image set: rules are made for hosts with content"
                : `take ${rule} out of the mirror object of others that has it (docs/how-to/migrate.md)`,
        };
    }
    return {
        code: "NOT_REDIRECTED",
        problem: `no mirror rule redirects pulls from ${registry} by ${form}`,
        fix: "add it to the image set: rules are made for hosts with content",
    };
}

function upperCaseHost({ registry }: Reference): Problem {
    return {
        code: "NOT_REDIRECTED",
        problem: "no mirror rule matches a host that is written in upper case",
        fix: `write ${registry}`,
    };
}

function invalidReference(image: string): Problem {
    try {
        parseReference(image);
    } catch (error) {
        return toProblem(error);
    }
    throw new Error(`${image} is a reference`);
}
