import { type Reference, formatReference, parseReference, tryParseReference } from "../../oci/reference";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { toProblem } from "../../errors/errors";
import type { Problem } from "../../errors/problem";
import type { MirrorBase } from "../../mirror/mirror-reference";
import { type RegistriesConf, resolvePull } from "../../openshift";
import { mapLimited } from "../../concurrency/limiter";

/** Where something asks for an image. */
export interface ImageUse {
    /** As it is written there. */
    readonly image: string;
    /** Who asks, and where that stands. */
    readonly owner: string;
}

/** What a pull of one image will find. */
export type CoverageState =
    /** The mirror has it. */
    | "covered"
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
    readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** The image registry of every OpenShift cluster. */
const INTERNAL = /^image-registry\.openshift-image-registry\.svc(\.cluster\.local)?(:5000)?\//;

/**
 * Follows the rules for every image as the container runtime does, and asks the mirror for its manifest. Images come in
 * the order of their names, each once.
 * @throws RegistryError if the registry rejects the account
 */
export async function coverage(request: CoverageRequest): Promise<CoveredImage[]> {
    const owners = new Map<string, string[]>();
    for (const { image, owner } of request.uses) owners.set(image, [...(owners.get(image) ?? []), owner]);
    const images = [...owners.keys()].sort();
    let done = 0;
    return mapLimited(images, request.concurrency, async (image) => {
        const result = await check(image, request);
        request.onProgress?.(++done, images.length);
        return { image, owners: [...new Set(owners.get(image))], ...result };
    });
}

/** Host names of mirror rules match by case, and rules are written in lower case. */
const UPPER_CASE_HOST = /^[^/]*[A-Z][^/]*[.:][^/]*\/|^[^/]*[.:][^/]*[A-Z][^/]*\//;

async function check(image: string, request: CoverageRequest): Promise<Omit<CoveredImage, "image" | "owners">> {
    if (INTERNAL.test(image)) return { state: "internal" };
    const reference = tryParseReference(image);
    if (reference === undefined) return { state: "invalid", problem: invalidReference(image) };
    if (UPPER_CASE_HOST.test(image)) return { state: "missing", problem: upperCaseHost(reference) };
    const asked = candidates(image, reference, request.rules);
    try {
        for (const candidate of asked) if (await isAtMirror(candidate, request)) return { state: "covered" };
    } catch (error) {
        return { state: "unknown", problem: toProblem(error) };
    }
    const wanted = withoutTagOfDigest(asked.at(-1) ?? reference);
    const redirected = placesAtMirror(wanted, request).length > 0;
    return {
        state: "missing",
        add: formatReference(wanted),
        ...(redirected ? {} : { problem: notRedirected(wanted) }),
    };
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
async function isAtMirror(reference: Reference, request: CoverageRequest): Promise<boolean> {
    for (const { repository, digest, tag = "" } of placesAtMirror(reference, request)) {
        if ((await request.client.manifestHead(repository, digest ?? tag)) !== undefined) return true;
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

function notRedirected({ registry, digest }: Reference): Problem {
    const form = digest === undefined ? "tag" : "digest";
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
