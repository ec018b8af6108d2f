import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { PassthroughError, RegistryError } from "../../lib/errors/errors";
import { counted, formatBytes } from "../../lib/errors/text";
import {
    type ImageProblem,
    type Removal,
    type SupersededContent,
    type WantedManifest,
    findSuperseded,
    imageCodes,
    imageProblem,
    imageProblemToJson,
    problemLines,
    removeImages,
    supersededDigest,
    wantedManifests,
} from "../../lib/import";
import { type Lock, lockDigest, readLock } from "../../lib/lock";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import { isProbeIndex } from "../../lib/openshift/probe/probe-image";
import type { Site } from "../../lib/site";
import { readConnectedSite } from "../accounts/connected-site";
import { findAccount } from "../accounts/credentials";
import { accountSources } from "../accounts/site-account";
import { withSiteRegistry } from "../accounts/site-registry";
import { EXIT_OK } from "../exit-codes";
import { failureExitCode } from "../failure-exit-code";
import { selectedStack } from "../stack/selected-stack";
import { stackName } from "../stack/stack-file";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { statusLine } from "../terminal/status-line";

export interface SupersededOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    /** Digest of the list that is to be deleted. */
    readonly delete?: string;
    readonly authfile?: string;
}

/** What the program pushes for itself: the importer's image, blobs of the doctor, images of `selftest` and of proofs. */
const OWN_REPOSITORY = /(?:^|\/)(?:registry-passthrough\/|passthrough-probe\/only-in-mirror$)/;
/** Below the mirror base, repositories begin with the host that they are a mirror of; one without a dot only if sets name it. */
const HOST_SEGMENT = /^[^/]+\.[^/]+\//;

const LIST_FIX =
    "the repositories of the locks are read nevertheless; for those that only former sets had, name an account that may " +
    "see the list with --authfile (Harbor: an administrator)";

/** What there is, what could not be found out, and what came of the deletion, if there was one. */
interface Outcome extends SupersededContent {
    readonly digest: string;
    readonly repositories: number;
    readonly removal?: Removal;
}

/** Lists what the mirror has and no locked set needs; or deletes a list that was seen before. */
export async function runSuperseded({
    stack: named,
    configFile: file,
    json = false,
    delete: confirmed,
    authfile,
}: SupersededOptions): Promise<number> {
    const stack = selectedStack(named);
    const site = await readConnectedSite({ stack, file });
    if (site.content.length === 0) throw noContent(stack);
    // One that cannot be read fails the command: what it lists would be unknown, which is not nothing.
    const readLocks = () => Promise.all(site.content.map(({ lock }) => readLock(lock)));
    await readLocks();
    const account = await findAccount("importer", accountSources({ stack, file }, site, authfile));
    const outcome = await interruptible((signal) =>
        withSiteRegistry(site, account, signal, (client, base) => lookAndDelete(client, base, readLocks, confirmed)),
    );
    if (json) print(JSON.stringify({ stack: stackName({ stack }), ...toJson(outcome) }, hideSecretsInJson));
    else printOutcome(outcome, site, { stack, isDeletion: confirmed !== undefined });
    const failures = [...outcome.unread, ...(outcome.removal?.failed ?? [])];
    return failures.length === 0 ? EXIT_OK : failureExitCode(imageCodes(failures));
}

function noContent(stack: string): PassthroughError {
    return new PassthroughError("it lists no set, so nothing would be needed", {
        code: "CONFIG_INVALID",
        thing: "site.content",
        fix: `list the sets of stack ${stack}; what a registry without any still has is deleted at the registry itself`,
    });
}

async function lookAndDelete(
    client: RegistryClient,
    base: MirrorBase,
    readLocks: () => Promise<readonly Lock[]>,
    confirmed: string | undefined,
): Promise<Outcome> {
    const status = statusLine();
    try {
        status.show("reading what the registry has");
        const locks = await readLocks();
        const stay = locks.flatMap((lock) => wantedManifests(base, lock));
        const { repositories, unlistedFor } = await repositoriesOf(client, base, stay);
        const found = await findSuperseded(client, repositories, {
            stay,
            isNeeded: neededDigests(locks),
            isOwn: isProbeIndex,
        });
        const count = repositories.length - found.unread.length;
        const unlisted = unlistedFor === undefined ? [] : [listProblem(unlistedFor, count > 0)];
        const unread = [...unlisted, ...found.unread];
        const looked = { ...found, unread, digest: supersededDigest(found), repositories: count };
        if (confirmed === undefined) return looked;
        if (confirmed !== looked.digest) throw otherList(confirmed, looked.digest);
        requirePresent(found, stay);
        // Reading may have taken long.
        requireSame(locks, await readLocks());
        status.show(`deleting ${counted(found.tags.length, "tag")}`);
        return { ...looked, removal: await removeImages(client, found.tags, stay) };
    } finally {
        status.end();
    }
}

function otherList(confirmed: string, digest: string): PassthroughError {
    return new PassthroughError(`the list has the digest ${digest} now, not ${confirmed}; nothing was deleted`, {
        code: "REMOVAL_FAILED",
        thing: "superseded content",
        fix: "look at the list again: run the command without --delete",
    });
}

/** @throws PassthroughError unless everything that sets want is known to be there: what is to come may build on what would go */
function requirePresent({ absent, unread }: SupersededContent, stay: readonly WantedManifest[]): void {
    const ofSets = new Set(stay.map(({ repository }) => repository));
    const unknown = unread.filter(({ source }) => ofSets.has(source)).map(({ source }) => source);
    const [first] = [...absent, ...unknown];
    if (first === undefined) return;
    const what = absent.length > 0 ? "is not in the registry" : "could not be read";
    throw new PassthroughError(
        `${first} ${what}${more(absent.length + unknown.length - 1)}, and sets want it; nothing was deleted`,
        {
            code: "REMOVAL_FAILED",
            thing: "superseded content",
            fix: "import the content first (npm run up): it may build on images that would be deleted",
        },
    );
}

function more(others: number): string {
    return others === 0 ? "" : ` (nor ${others} more)`;
}

/** @throws PassthroughError if a lock is another one than before */
function requireSame(before: readonly Lock[], now: readonly Lock[]): void {
    if (before.every((lock, at) => now[at] !== undefined && lockDigest(lock) === lockDigest(now[at]))) return;
    throw new PassthroughError("a lock file has changed meanwhile; nothing was deleted", {
        code: "REMOVAL_FAILED",
        thing: "superseded content",
        fix: "run `npm run up`, then look at the list again",
    });
}

/** Those of the locks, and those that the registry lists below the mirror base. */
async function repositoriesOf(client: RegistryClient, base: MirrorBase, stay: readonly WantedManifest[]) {
    const known = stay.map(({ repository }) => repository);
    const folder = base.prefix === "" ? "" : `${base.prefix}/`;
    try {
        const listed = (await client.repositoryList()).filter((name) => {
            const below = name.startsWith(folder) ? name.slice(folder.length) : "";
            return HOST_SEGMENT.test(below) && !OWN_REPOSITORY.test(below);
        });
        return { repositories: [...new Set([...known, ...listed])] };
    } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        return { repositories: [...new Set(known)], unlistedFor: error };
    }
}

/**
 * An account that may pull and push need not see the list: Harbor refuses it to robot accounts.
 * @param isAccepted whether the account has read a repository: otherwise it may be wrong altogether
 */
function listProblem(error: RegistryError, isAccepted: boolean): ImageProblem {
    const { source, problems } = imageProblem("list of repositories", error);
    if (!isAccepted || (error.status !== 401 && error.status !== 403)) return { source, problems };
    return { source, problems: problems.map((problem) => ({ ...problem, fix: LIST_FIX })) };
}

function neededDigests(locks: readonly Lock[]): (digest: string) => boolean {
    const parts = locks.flatMap(({ manifests, blobs, earlier }) => [
        manifests,
        blobs,
        earlier.manifests,
        earlier.blobs,
    ]);
    const needed = new Set(parts.flatMap((part) => Object.keys(part)));
    return (digest) => needed.has(digest);
}

function toJson({ digest, repositories, tags, bytes, unread, absent, removal }: Outcome): object {
    return {
        ...{ digest, repositories, bytes },
        tags: tags.map(({ repository, tag, digest: manifest, bytes: size, isNeeded }) => ({
            ...{ repository, tag, digest: manifest, bytes: size, manifestStays: isNeeded },
        })),
        absent,
        unread: unread.map(imageProblemToJson),
        ...(removal === undefined
            ? {}
            : {
                  removed: removal.removed.map(({ source }) => source),
                  kept: removal.kept,
                  failed: removal.failed.map(imageProblemToJson),
              }),
    };
}

function printOutcome(
    { digest, repositories, tags, bytes, unread, absent, removal }: Outcome,
    { registry }: Site,
    { stack, isDeletion }: { readonly stack: string; readonly isDeletion: boolean },
): void {
    const problems = (some: readonly ImageProblem[], mark: string) => {
        for (const line of problemLines(some)) print(`${mark} ${withoutSecrets(line)}`);
    };
    for (const { source, digest: manifest, bytes: size, isNeeded } of tags)
        print(`${source} ${manifest} ${formatBytes(size)}${isNeeded ? " (only the tag: its manifest is needed)" : ""}`);
    problems(unread, "?");
    if (unread.length > 0) print("what could not be read, with ? before it, may have more");
    if (absent.length > 0)
        printDiagnostic(
            `warning: ${counted(absent.length, "image")} of the sets ${absent.length === 1 ? "is" : "are"} not in the ` +
                "registry and may build on what is listed: run `npm run up` before you delete",
        );
    const where = counted(repositories, "repository", "repositories");
    if (tags.length === 0) return print(`no tag in ${where} of ${registry.mirrorBase} is without a set`);
    print(
        `${counted(tags.length, "tag")} in ${where} that no set names; at most ${formatBytes(bytes)} can become free`,
    );
    if (removal !== undefined) {
        for (const { source, reason } of removal.kept) print(`kept ${source}: ${reason}`);
        problems(removal.failed, "!");
        print(`${removal.removed.length} deleted, ${removal.kept.length} kept, ${removal.failed.length} failed`);
    }
    if (!isDeletion)
        printDiagnostic(
            `to delete exactly these: npm run -s passthrough -- superseded --delete ${digest} --stack ${stack}`,
        );
}
