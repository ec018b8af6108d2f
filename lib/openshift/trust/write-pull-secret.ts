import { PassthroughError } from "../../errors/errors";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type WriteOptions, retryConflicts } from "./conflict-retry";
import { type WrittenTrust, trustExists } from "./desired-trust";
import { type PullAccount, entryHash, findPullEntry, pullEntry, removePullEntry, setPullEntry } from "./pull-secret";
import { type Secret, TRUST_NAMES, TRUST_PATHS } from "./trusted-ca";
import { missingObject } from "./write-ca";

/** The global pull secret as it was read. */
export interface PullSecret {
    readonly resourceVersion: string;
    /** `.dockerconfigjson`: secret, as a whole. */
    readonly text: string;
}

/**
 * Reads the global pull secret.
 * @throws PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`; ClusterError
 */
export async function readPullSecret(client: ClusterClient): Promise<PullSecret> {
    const secret = await client.get<Secret>(TRUST_PATHS.secrets, TRUST_NAMES.pullSecret);
    const data = secret?.data?.[TRUST_NAMES.pullSecretKey];
    if (secret === undefined || data === undefined) throw missingObject(client, "Secret openshift-config/pull-secret");
    return { resourceVersion: secret.metadata.resourceVersion ?? "", text: decodeUtf8(Buffer.from(data, "base64")) };
}

/** Other bytes would not come back as they were. */
function decodeUtf8(bytes: Buffer): string {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
        throw new PassthroughError("it is not UTF-8, so no entry can be added without a risk for the others", {
            code: "PULL_SECRET_INVALID",
            thing: "Secret openshift-config/pull-secret, .dockerconfigjson",
            fix: "write it again as UTF-8",
        });
    }
}

/** What `writePullEntry` is to do. */
export interface PullEntryChange {
    /** `registry.example:8443` */
    readonly host: string;
    readonly account: PullAccount;
    readonly adopt: boolean;
    /** What earlier runs have written. */
    readonly before: WrittenTrust;
}

/**
 * True if the pull secret has another account for the registry, or none.
 * @throws PassthroughError `TRUST_EXISTS`, `PULL_SECRET_INVALID`
 */
export function needsPullEntry({ text }: PullSecret, { host, account, adopt, before }: PullEntryChange): boolean {
    const existing = findPullEntry(text, host);
    if (existing === undefined) return true;
    if (entryHash(existing) === entryHash(pullEntry(account))) return false;
    if (before.entryHash === undefined && !adopt) {
        throw trustExists(`the account for ${host} in Secret openshift-config/pull-secret`);
    }
    return true;
}

/**
 * Puts the account into the global pull secret; every other byte stays.
 * @param beforeWrite called before the first write, with the reason to write: throws if it must not happen
 * @returns `entryHash` of the account
 * @throws PassthroughError `TRUST_EXISTS`, `PULL_SECRET_INVALID`; ClusterError
 */
export async function writePullEntry(
    client: ClusterClient,
    change: PullEntryChange,
    options: WriteOptions & { readonly beforeWrite?: () => Promise<void> },
): Promise<string> {
    const entry = pullEntry(change.account);
    await retryConflicts(options, async () => {
        const secret = await readPullSecret(client);
        if (!needsPullEntry(secret, change)) return;
        await options.beforeWrite?.();
        await patchPullSecret(client, secret, setPullEntry(secret.text, change.host, entry));
    });
    return entryHash(entry);
}

/**
 * Takes the account out of the global pull secret, if it still is the one that was written; every other byte stays.
 * @returns why it was left, if it was
 * @throws PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`; ClusterError
 */
export async function removeWrittenEntry(
    client: ClusterClient,
    host: string,
    { entryHash: written }: WrittenTrust,
    options: WriteOptions,
): Promise<string | undefined> {
    if (written === undefined) return undefined;
    return retryConflicts(options, async () => {
        const secret = await readPullSecret(client);
        const existing = findPullEntry(secret.text, host);
        if (existing === undefined) return undefined;
        if (entryHash(existing) !== written)
            return `the account for ${host} in the pull secret stays: it has been changed`;
        await patchPullSecret(client, secret, removePullEntry(secret.text, host));
        return undefined;
    });
}

async function patchPullSecret(client: ClusterClient, { resourceVersion }: PullSecret, text: string): Promise<void> {
    const data = { [TRUST_NAMES.pullSecretKey]: Buffer.from(text, "utf8").toString("base64") };
    await client.patch(TRUST_PATHS.secrets, TRUST_NAMES.pullSecret, { metadata: { resourceVersion }, data });
}
