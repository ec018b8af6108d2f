import type { Credentials } from "../../lib/http/credentials";
import type { DesiredTrust } from "../../lib/openshift/trust/desired-trust";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterTrustInputs } from "./kind";

/** What the cluster is to have, with today's CA and account. */
export function desiredTrust(
    inputs: ClusterTrustInputs,
    { process }: RegistryContext,
): DesiredTrust & { readonly account: Credentials } {
    const { mirror, ca } = process.settings.registry(inputs);
    const account = process.settings.credentials(inputs);
    return { host: mirror.host, account, adopt: inputs.adopt === true, ...(ca === undefined ? {} : { ca }) };
}
