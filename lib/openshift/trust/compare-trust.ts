import { listed } from "../../errors/text";
import { certificateBlocks, certificateChangeLines, compareCertificates } from "../../http/certificates";
import type { ClusterClient } from "../../kubernetes/cluster-client";
import { type DesiredTrust, type WrittenTrust, caHash } from "./desired-trust";
import { entryHash, findPullEntry, narrowerEntries } from "./pull-secret";
import { configuredCa, trustKey } from "./trusted-ca";
import { checkCaPlace, readCaPlace } from "./write-ca";
import { needsPullEntry, readPullSecret } from "./write-pull-secret";

/** What a run would change, as sentences without a full stop; absent: nothing. */
export interface TrustPlan {
    readonly ca?: string;
    /** Which certificates are added and removed, a line each; empty if the cluster has these already. */
    readonly certificates: readonly string[];
    readonly pullSecret?: string;
    readonly warnings: readonly string[];
}

/**
 * Reads what writing would change.
 * @param before what earlier runs have written
 * @throws PassthroughError as the writes do, ClusterError
 */
export async function planTrust(
    client: ClusterClient,
    desired: DesiredTrust,
    before: WrittenTrust,
): Promise<TrustPlan> {
    const { host, ca: pem, account, adopt } = desired;
    const ca = pem === undefined ? undefined : await planCa(client, { key: trustKey(host), pem, adopt, before });
    const secret = await readPullSecret(client);
    const narrower = narrowerEntries(secret.text, host);
    const isNew = findPullEntry(secret.text, host) === undefined;
    const isNeeded = account === undefined || needsPullEntry(secret, { host, account, adopt, before });
    return {
        ...(ca === undefined ? { certificates: [] } : ca),
        ...(isNeeded ? { pullSecret: describeEntry(host, isNew, account === undefined) } : {}),
        warnings: narrower.length === 0 ? [] : [narrowerWarning(host, narrower)],
    };
}

type PlannedCa = Parameters<typeof checkCaPlace>[1];

async function planCa(
    client: ClusterClient,
    change: PlannedCa,
): Promise<Required<Pick<TrustPlan, "ca" | "certificates">> | undefined> {
    const place = await readCaPlace(client);
    checkCaPlace(place, change);
    const existing = configuredCa(place.configMap, change.key);
    const map = `ConfigMap openshift-config/${place.name}`;
    const certificates = certificateChangeLines(compareCertificates(existing, change.pem));
    if (!place.isNamed) return { ca: `CA ${change.key}: added to ${map}, which Image/cluster will name`, certificates };
    // Earlier versions wrote the whole file, with comments: no update comes from that alone.
    const isSame = certificates.length === 0 && certificateBlocks(existing ?? "").length > 0;
    if (existing === change.pem || isSame) return undefined;
    const what = existing === undefined ? "added to" : "replaced in";
    return { ca: `CA ${change.key}: ${what} ${map}, which Image/cluster names`, certificates };
}

function describeEntry(host: string, isNew: boolean, isUnknown: boolean): string {
    if (isUnknown) return `account for ${host}: set in the global pull secret`;
    return `account for ${host}: ${isNew ? "added to" : "replaced in"} the global pull secret`;
}

function narrowerWarning(host: string, keys: readonly string[]): string {
    return `the global pull secret has entries for parts of ${host} (${listed(keys, 3)}): nodes use them there, and not the account of this stack`;
}

/**
 * What is not as it was written.
 * @returns sentences without a full stop; empty: all is as it was
 * @throws PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`; ClusterError
 */
export async function trustDifferences(client: ClusterClient, host: string, written: WrittenTrust): Promise<string[]> {
    const secret = await readPullSecret(client);
    const entry = findPullEntry(secret.text, host);
    const differences = entry === undefined ? [`the account for ${host} is gone from the global pull secret`] : [];
    if (entry !== undefined && entryHash(entry) !== written.entryHash)
        differences.push(`the account for ${host} in the global pull secret has been changed`);
    return written.caHash === undefined
        ? differences
        : [...(await caDifferences(client, host, written)), ...differences];
}

async function caDifferences(client: ClusterClient, host: string, written: WrittenTrust): Promise<string[]> {
    const key = trustKey(host);
    const { name, isNamed, configMap } = await readCaPlace(client);
    const place = `ConfigMap openshift-config/${name}`;
    if (!isNamed) return ["Image/cluster does not name a ConfigMap with CAs any more"];
    const found = configuredCa(configMap, key);
    if (found === undefined) return [`CA ${key} is gone from ${place}`];
    return caHash(found) === written.caHash ? [] : [`CA ${key} in ${place} has been changed`];
}
