import { type ErrorFacts, PassthroughError } from "../../lib/errors/errors";
import { formatBytes } from "../../lib/errors/text";
import { type RegistryStorage, bucketOf } from "../../lib/openshift/deployed-registry";
import { hostsOf, isForHost, isIssuedBy, isValidAt } from "../../lib/http/certificates";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { addressOf, isSameAddress } from "./address";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
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
function requireTrustedCertificate(
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
 * What a certificate is refused for, and in the log which names it is not for any more. One of a CA of the site is only known in
 * the update.
 * @param olds empty for a new registry
 * @throws PassthroughError `CONFIG_INVALID`
 */
export function checkCertificate(
    olds: Partial<ShownCertificate>,
    news: ShownCertificate,
    { log, process }: Pick<RegistryContext, "log" | "process">,
): void {
    if (hasUnknown(news.chain)) return;
    if (!hasUnknown(news.registry)) requireTrustedCertificate(olds, news, process.clock.now());
    const present = new Set(hostsOf(news.chain));
    const lost = hostsOf(olds.chain ?? "").filter((name) => !present.has(name));
    if (lost.length === 0) return;
    const text = `the certificate is not for ${lost.join(", ")} any more: clusters with rules for that cannot pull`;
    log.line("warning", `site.registry.certificate: ${text}`);
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

function refusal(key: string, problem: string, fix: string): PassthroughError {
    const facts: ErrorFacts = { code: "CONFIG_INVALID", thing: `${KEY}.${key}`, fix };
    return new PassthroughError(problem, facts);
}
