import type { AuthorityPlan } from "../../lib/certificates/authority-plan";
import { RegistryError, toProblem } from "../../lib/errors/errors";
import { formatReason } from "../../lib/errors/format";
import { ping } from "../../lib/registries/ping";
import type { RegistryEndpoint } from "../../lib/distribution/http/transport";
import { registryEndpoints } from "../../lib/site";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import type { SiteCertificateAuthorityInputs } from "./kind";

/** A preview asks, but does not wait for a registry that does not answer. */
const LOOK_MS = 10_000;

/**
 * Why the former CA is still needed: the certificate that the registry shows is not trusted without it, or it could not be
 * found out.
 * @param certificates by generation, PEM
 */
export async function needsFormerCa(
    { issuer }: AuthorityPlan,
    certificates: Readonly<Record<string, string>>,
    { registry, connectionSecrets }: SiteCertificateAuthorityInputs,
    { process, signal }: RegistryContext,
): Promise<string[]> {
    if (registry === undefined || hasUnknown(registry) || hasUnknown(connectionSecrets))
        return ["the registry is not known yet"];
    const current = certificates[issuer];
    // A check has no outputs of the state; a refresh notes the certificates for it.
    if (current === undefined) return ["the registry is asked by `npm run up`, which refreshes first"];
    const site = process.settings.registry({ registry, ...(connectionSecrets && { connectionSecrets }) });
    const trusting = { ...site, ca: `${registry.ca ?? ""}${current}` };
    const looks = registryEndpoints(trusting).map((endpoint) => untrusted(endpoint, signal));
    return (await Promise.all(looks)).flat();
}

/** Why connections to an address are not opened with the CA alone; empty if they are. */
async function untrusted(endpoint: RegistryEndpoint, signal: AbortSignal): Promise<string[]> {
    const { host } = endpoint;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    try {
        await ping({ endpoint, retrySeconds: 0, signal: limited }, undefined);
        return [];
    } catch (error) {
        signal.throwIfAborted();
        // Any response shows that the certificate was trusted.
        if (error instanceof RegistryError && error.status !== undefined) return [];
        if (error instanceof RegistryError && error.code === "TLS")
            return [
                `${host} shows a certificate that is not trusted without it (${formatReason(toProblem(error))}); ` +
                    "install the one in the output registryCertificate",
            ];
        return [`${host} could not be asked for its certificate: ${formatReason(toProblem(error))}`];
    }
}
