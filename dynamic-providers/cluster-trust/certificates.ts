import { caNotes } from "../../lib/openshift/trust/ca-notes";
import { certificateNotes } from "../../lib/registries/certificate-expiry";
import { ping } from "../../lib/registries/ping";
import { registryEndpoint } from "../../lib/site";
import { clusterLine } from "../cluster/cluster-name";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterTrustInputs } from "./kind";

/**
 * The registry's certificate as nodes will verify it: chain, names and expiry, with the CA that they are to trust. Checked
 * before anything is written.
 * @throws RegistryError `TLS` and others; PassthroughError `TLS` for the CA itself
 */
export async function checkCertificates(inputs: ClusterTrustInputs, { process, signal, log }: RegistryContext) {
    const registry = process.settings.registry(inputs);
    const endpoint = registryEndpoint(registry, "puller");
    const notes = registry.ca === undefined ? [] : caNotes(registry.ca);
    await ping({ endpoint, retrySeconds: registry.retrySeconds, signal }, undefined);
    for (const note of [...notes, ...(await certificateNotes(endpoint))])
        log.line("warning", clusterLine(inputs, note));
}
