import { type ErrorFacts, PassthroughError } from "../../lib/errors/errors";
import { formatBytes } from "../../lib/errors/text";
import { type RegistryStorage, bucketOf } from "../../lib/openshift/deployed-registry";
import { isForHost, isIssuedBy, isValidAt } from "../../lib/http/certificates";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { splitHost } from "../../lib/openshift/access/network-access";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { StackSettings } from "../registry/stack-settings";
import type { RegistryDeploymentInputs } from "./kind";

const KEY = "site.registry.deploy.cluster";

/**
 * That a change leaves the content where it is: volumes grow, and do nothing else.
 * @param olds empty for a new registry
 * @throws PassthroughError `CONFIG_INVALID`
 */
export function requireSameStorage(olds: Partial<RegistryDeploymentInputs>, news: RegistryDeploymentInputs): void {
    const { storage: before, namespace, cluster } = olds;
    if (before === undefined) return;
    const { storage: after } = news;
    const move = "to move the content, mirror it to a registry elsewhere first (docs/how-to/change-the-registry.md)";
    if (namespace !== news.namespace) {
        throw refusal(
            "namespace",
            `the content is in ${namespace ?? ""}, and would stay there`,
            `write ${namespace ?? ""} again; ${move}`,
        );
    }
    if (cluster !== news.cluster) {
        const name = cluster === "" ? "that of site.cluster" : JSON.stringify(cluster);
        throw refusal("name", `the content is in another cluster, and would stay there`, `name ${name} again; ${move}`);
    }
    if ("s3" in before || "s3" in after) {
        requireSameBucket(before, after, move);
        return;
    }
    if (before.storageClass !== after.storageClass) {
        const former = before.storageClass === undefined ? "leave it out again" : `write ${before.storageClass} again`;
        throw refusal("storage.storageClass", "a volume keeps its storage class", `${former}; ${move}`);
    }
    if (after.bytes < before.bytes) {
        const [is, wanted] = [formatBytes(before.bytes), formatBytes(after.bytes)];
        throw refusal(
            "storage.size",
            `a volume does not shrink, from ${is} to ${wanted}`,
            `write ${is} or more; ${move}`,
        );
    }
}

/** A bucket, or its server, under another name may be the same one, and nobody could tell before clusters miss the content. */
function requireSameBucket(before: RegistryStorage, after: RegistryStorage, move: string): void {
    const [former, next] = [before, after].map(bucketOf);
    if (former === undefined || next === undefined) {
        const [is, back] = former === undefined ? ["a volume", "size again"] : ["a bucket", "s3 again"];
        throw refusal("storage", `the content is in ${is}, and would stay there`, `write ${back}; ${move}`);
    }
    for (const name of ["endpoint", "bucket", "prefix"] as const) {
        if (former[name] === next[name]) continue;
        const back = former[name] === undefined ? "leave it out again" : `write ${former[name]} again`;
        throw refusal(`storage.s3.${name}`, "the content is elsewhere, and would stay there", `${back}; ${move}`);
    }
}

/** What a registry shows, and what those who connect to it trust. */
type ShownCertificate = Pick<RegistryDeploymentInputs, "chain" | "registry">;

/**
 * That clusters trust a certificate before the registry shows it: one of its issuers was trusted by the last `up` already.
 * Nothing can be said of public CAs, which are trusted without being named. With a certificate that is not valid nobody pulls,
 * so nothing is lost by another one.
 * @param olds empty for a new registry
 * @param now milliseconds since 1970
 * @throws PassthroughError `CONFIG_INVALID`
 */
export function requireTrustedCertificate(
    { chain: former, registry: before }: Partial<ShownCertificate>,
    { chain, registry }: ShownCertificate,
    now: number,
): void {
    if (former === undefined || former === chain || !isValidAt(former, now)) return;
    const isTrusted = before?.ca === undefined ? !isIssuedBy(chain, registry.ca ?? "") : isIssuedBy(chain, before.ca);
    if (isTrusted) return;
    throw new PassthroughError("its CA is another one, which clusters do not trust yet: they could not pull any more", {
        code: "CONFIG_INVALID",
        thing: "site.registry.certificate",
        fix:
            "let the former certificate stay for one more up that trusts the new CA, too: name the new one in site.registry.ca " +
            "or, for a CA of the site, write siteCa beside chainFile (docs/how-to/registry-certificate.md)",
    });
}

/**
 * That a registry which is pulled from still answers where it did: clusters have the rules for another address at the end of
 * an `up`, or later. Another name of the same machine, at the same port, is one that both are in the certificate of.
 * @param olds of a registry that was set up
 * @param isByName whether each name leads to it by itself, as those of Routes do
 * @throws PassthroughError `CONFIG_INVALID`
 */
export function requireFormerAddress(
    { registry: before }: Pick<ShownCertificate, "registry">,
    { registry, chain }: ShownCertificate,
    isByName = false,
): void {
    // Its CAs may only be known in the update.
    const { mirrorBase } = registry as Partial<typeof registry>;
    if (mirrorBase === undefined || hasUnknown(mirrorBase)) return;
    const [from, to] = [addressOf(before.mirrorBase), addressOf(mirrorBase)];
    if (isSameAddress(from, to)) return;
    if (!isByName && from.port === to.port && (hasUnknown(chain) || isForHost(chain, from.host))) return;
    const [former, next] = [before.mirrorBase, mirrorBase].map((base) => parseMirrorBase(base).host);
    const also = isByName
        ? ""
        : `for another name, keep port ${from.port} and have ${from.host} in the certificate, too (docs/how-to/change-the-registry.md); `;
    throw new PassthroughError(
        `the registry would not answer at ${former} any more, from which clusters pull until they have the rules for ${next}`,
        {
            code: "CONFIG_INVALID",
            thing: "site.registry.mirrorBase",
            fix: `write ${former} again; ${also}to move, set up a second registry with another stack`,
        },
    );
}

/** For the state of an update that failed: clusters have the former address only, and it may be written again. */
export function atFormerAddress(
    registry: RegistryDeploymentInputs["registry"],
    former: RegistryDeploymentInputs["registry"] | undefined,
): RegistryDeploymentInputs["registry"] {
    return former === undefined ? registry : { ...registry, mirrorBase: former.mirrorBase };
}

/**
 * That nobody pulls from the registry that is taken away: neither does the site go on with it, whose configuration still has the
 * address, and deploys nothing there, nor may clusters have its rules that are given others by hand. A destroy has the
 * configuration of before; a site that has moved has another address.
 * @throws PassthroughError `CLUSTER_REMOVAL_REFUSED`
 */
export function requireUnused({ registry }: Pick<RegistryDeploymentInputs, "registry">, settings: StackSettings): void {
    const { isDeployed, clustersByHand, mirrorBase: next } = settings.site;
    const { mirrorBase } = registry;
    // Other paths are other content of the same registry.
    const isLeft = next !== undefined && !isSameAddress(addressOf(next.value), addressOf(mirrorBase));
    // Where it is deployed in another way, clusters get another address.
    if (isDeployed?.value !== false && !isLeft) return;
    if (!isLeft) {
        throw stillUsed(
            `the site still mirrors to ${parseMirrorBase(mirrorBase).host}: without this registry, clusters could not pull any more`,
            "write it again; to leave the registry, give site.registry.mirrorBase another host or port in the same up; to let it " +
                "run without this program, take it out of the state (pulumi state delete)",
        );
    }
    if (clustersByHand === undefined) {
        throw stillUsed(
            `which clusters get their rules by hand cannot be read from the configuration, and they may still be those of ${mirrorBase}: it stays`,
            "mend site.cluster or site.clusters, and run the command again",
        );
    }
    const keys = clustersByHand.value;
    if (keys.length === 0) return;
    throw stillUsed(
        `${keys.join(", ")}: rules and accounts are given there by hand, and may still be those of ${mirrorBase}: it stays`,
        "render the files and apply them there; then write allowRemoval: true at each of these keys, and run the command again",
    );
}

function addressOf(mirrorBase: string) {
    return splitHost(parseMirrorBase(mirrorBase).host, 443);
}

type Address = ReturnType<typeof addressOf>;

function isSameAddress(one: Address, other: Address): boolean {
    return one.host === other.host && one.port === other.port;
}

function stillUsed(problem: string, fix: string): PassthroughError {
    return new PassthroughError(problem, { code: "CLUSTER_REMOVAL_REFUSED", thing: "site.registry.deploy", fix });
}

function refusal(key: string, problem: string, fix: string): PassthroughError {
    const facts: ErrorFacts = { code: "CONFIG_INVALID", thing: `${KEY}.${key}`, fix };
    return new PassthroughError(problem, facts);
}
