import { computeDigest } from "../oci/digest";
import { PassthroughError, RegistryError, errorMessage, toProblem } from "../errors/errors";
import { type ProblemJson, problemToJson } from "../errors/format";
import { type MirrorBase, mirrorReference, mirrorSourceLocation } from "../mirror/mirror-reference";
import { type Reference, formatReference, parseReference } from "../oci/reference";
import type { RegistryClient } from "../distribution/client/registry-client";
import { isRetryable } from "../distribution/limits/retry";
import { type RegistriesConf, parseRegistriesConf, resolvePull } from "../openshift";
import { type Canary, canaryImage } from "./canary";
import { pushBlobs } from "./push-blobs";

export type SelftestStepName = "rules" | "push" | "pull by digest" | "pull by tag" | "remove" | "pull by a node";

/** The result of one step: done, not possible here (which is no failure), or failed with the fix. */
export interface SelftestStep {
    readonly step: SelftestStepName;
    readonly outcome: "done" | "note" | "failed";
    readonly detail: string;
    /** Of a failure, for machines. */
    readonly error?: ProblemJson;
}

export interface SelftestRequest {
    /** With the account that pushes. */
    readonly pushing: RegistryClient;
    /** With the account that clusters pull with. */
    readonly pulling: RegistryClient;
    /**
     * With the account that pushes; not ended by what ends the others. Where a step before waited for the registry in
     * vain, one that does not wait again.
     */
    readonly removing: (isAnswering: boolean) => RegistryClient;
    readonly base: MirrorBase;
    /** What a node makes of the stack's mirror rules, TOML. */
    readonly registriesConf: string;
    /** Where the account that pushes makes no repositories: an upstream's whose mirror is there. Absent: one of its own. */
    readonly into?: Pick<Reference, "registry" | "repository"> | undefined;
    /** What makes the canary unlike all others: letters and digits. */
    readonly name: string;
    readonly onStep: (step: SelftestStep) => void;
}

const REPOSITORY = "registry-passthrough/selftest";

/**
 * Sends a canary on an image's whole way: pushed with one account, found through the mirror rules by digest and by tag
 * with the other, read to the last byte, and removed again, also when something before failed. A registry that cannot
 * be reached is waited for once.
 * @returns true if every step could be done
 */
export async function selftest(request: SelftestRequest): Promise<boolean> {
    const { onStep } = request;
    const canary = canaryImage(request.name);
    let isFine = true;
    let isAnswering = true;
    const step = async (name: SelftestStepName, action: () => Promise<Omit<SelftestStep, "step">>) => {
        const result = await action().catch((error: unknown) => {
            isAnswering &&= !isRetryable(error);
            return failedWith(error);
        });
        isFine &&= result.outcome !== "failed";
        onStep({ step: name, ...result });
        return result.outcome;
    };
    let way: Route | undefined;
    await step("rules", async () => {
        way = chooseRoute(request, canary);
        return done(`${formatReference(way.source)} -> ${formatReference(way.byDigest)}`);
    });
    if (way === undefined) return false;
    const { byDigest, byTag, tag } = way;
    const { repository } = byDigest;
    let mayBeThere = false;
    const pushed = await step("push", async () => {
        await pushBlobs(request.pushing, canary.blobs, repository);
        mayBeThere = true;
        await request.pushing.manifestPut(repository, tag, canary.manifest);
        return done(`${repository}:${tag}, ${canary.manifest.digest}`);
    });
    if (pushed === "done") {
        await step("pull by digest", () => pull(request.pulling, canary, byDigest, canary.manifest.digest));
        if (isAnswering) await step("pull by tag", () => pullByTag(request.pulling, canary, byTag, tag));
    }
    if (mayBeThere)
        await step("remove", () => remove(request.removing(isAnswering), canary, repository, pushed === "done"));
    return isFine;
}

/** Where the canary's pulls go. */
interface Route {
    readonly source: Reference;
    readonly tag: string;
    readonly byDigest: Reference;
    /** Absent: the rules do not redirect tags. */
    readonly byTag?: Reference;
}

/** The canary gets the name of an upstream that has a rule. @throws PassthroughError `SELFTEST_NO_RULE` */
function chooseRoute({ base, registriesConf, name, into }: SelftestRequest, { manifest }: Canary): Route {
    const conf = parseRegistriesConf(registriesConf, "the registries.conf of the mirror rules");
    const registry = into?.registry ?? mirroredHost(conf, base);
    const repository = into?.repository ?? REPOSITORY;
    if (registry === undefined) {
        throw new PassthroughError(`no mirror rule redirects anything to ${base.host}`, {
            code: "SELFTEST_NO_RULE",
            fix: "rules are made for hosts with content: lock some, list it in site.content, and run `npm run up`",
        });
    }
    const tag = name;
    const source = { registry, repository, tag };
    const { digest } = manifest;
    const byDigest = mirroredReference(conf, base, { registry, repository, digest });
    if (byDigest === undefined) {
        const rule = resolvePull(conf, { registry, repository, digest }).rule ?? registry;
        throw new PassthroughError(`the mirror rule of ${rule} leads elsewhere than ${base.host}`, {
            code: "SELFTEST_RULE_MISMATCH",
            fix: "run `npm run up`, so that the rules are those of today's site.registry.mirrorBase",
        });
    }
    const byTag = mirroredReference(conf, base, source);
    return { source, tag, byDigest, ...(byTag === undefined ? {} : { byTag }) };
}

/** The first upstream host with a rule of its own whose mirror is where this site's images land. */
function mirroredHost(conf: RegistriesConf, base: MirrorBase): string | undefined {
    return (conf.registry ?? [])
        .filter(({ location, mirror }) => {
            if (location === undefined || location.includes("/") || location.startsWith("*")) return false;
            return (mirror ?? []).some((one) => one.location === mirrorSourceLocation(base, location));
        })
        .map(({ location }) => location)[0];
}

function mirroredReference(conf: RegistriesConf, base: MirrorBase, asked: Reference): Reference | undefined {
    const first = resolvePull(conf, asked).attempts[0];
    const wanted = formatReference(mirrorReference(base, asked));
    return first?.viaMirror === true && first.reference === wanted ? parseReference(first.reference) : undefined;
}

const READ_RIGHT =
    "give the account that pulls the right to read every repository below the mirror base, also those that are made later";

async function pullByTag(client: RegistryClient, canary: Canary, at: Reference | undefined, tag: string) {
    if (at === undefined) return note("the rules redirect pulls by digest only: a pull by tag goes upstream");
    return pull(client, canary, at, tag);
}

async function pull(client: RegistryClient, canary: Canary, at: Reference, reference: string) {
    const { repository } = at;
    const manifest = await client.manifestGet(repository, reference);
    if (manifest === undefined) throw missing(`${repository} has no ${reference} for the account that pulls`);
    if (manifest.digest !== canary.manifest.digest) {
        throw wrong(`${repository}:${reference} is ${manifest.digest}, not ${canary.manifest.digest}`);
    }
    let bytes = manifest.bytes.length;
    for (const digest of canary.blobs.keys()) {
        const read = await client.retrying(async () => {
            const stream = await client.blobGet(repository, digest);
            if (stream === undefined) return undefined;
            const chunks: Buffer[] = [];
            for await (const chunk of stream) chunks.push(chunk);
            return Buffer.concat(chunks);
        });
        if (read === undefined) throw missing(`${repository} has no blob ${digest} for the account that pulls`);
        if (computeDigest(read) !== digest)
            throw wrong(`the bytes of ${repository}/${digest} are ${computeDigest(read)}`);
        bytes += read.length;
    }
    return done(`${formatReference(at)}: every byte of ${bytes}`);
}

/** Not to be allowed to delete is how a careful registry is set up: that is said, and no failure. */
async function remove(client: RegistryClient, canary: Canary, repository: string, wasPushed: boolean) {
    const { digest } = canary.manifest;
    try {
        await client.manifestDelete(repository, digest);
    } catch (error) {
        if (!(error instanceof RegistryError) || ![401, 403, 405].includes(error.status ?? 0)) {
            throw left(`${repository}@${digest}`, error);
        }
        if (!wasPushed) return note("nothing is known to be left");
        return note(
            `the registry does not let the account delete (${error.status ?? ""} ${error.code}): ${repository}@${digest} stays; ` +
                "it is smaller than 1 kB, and its blobs are the same in every run",
        );
    }
    if ((await client.manifestHead(repository, digest)) === undefined) return done(`${repository} no longer has it`);
    throw wrong(`${repository}@${digest} was deleted, and is still there`);
}

function left(canary: string, cause: unknown): PassthroughError {
    return new PassthroughError(`it could not be removed: ${errorMessage(cause)}`, {
        code: "SELFTEST_IMAGE_LEFT",
        thing: `selftest image ${canary}`,
        fix: `look whether ${canary} is still there, and remove it: it is smaller than 1 kB`,
        cause,
    });
}

function missing(message: string): PassthroughError {
    return new PassthroughError(message, { code: "SELFTEST_MISSING", fix: READ_RIGHT });
}

function wrong(message: string): PassthroughError {
    return new PassthroughError(message, {
        code: "SELFTEST_MISMATCH",
        fix: "look what stands between this machine and the registry: a cache, another replica, a proxy",
    });
}

function done(detail: string) {
    return { outcome: "done" as const, detail };
}

function note(detail: string) {
    return { outcome: "note" as const, detail };
}

function failedWith(error: unknown) {
    return { outcome: "failed" as const, detail: errorMessage(error), error: problemToJson(toProblem(error)) };
}
