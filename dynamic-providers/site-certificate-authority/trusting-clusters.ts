import type { PlannedAuthority } from "../../lib/certificates/authority-plan";
import { serialNumberOf } from "../../lib/certificates/issue";
import { certificateBlocks } from "../../lib/http/certificates";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { checkNodes } from "../../lib/openshift/rollout/check-nodes";
import { configuredCa, trustKey } from "../../lib/openshift/trust/trusted-ca";
import { readCaPlace } from "../../lib/openshift/trust/write-ca";
import { clusterName } from "../cluster/cluster-name";
import { withReadableCluster } from "../cluster/connection";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import type { SiteCertificateAuthorityInputs } from "./kind";

/** Why the CA may not issue yet: for each cluster that is written to, what of its nodes lacks it or cannot be read. */
export async function lacksAuthority(
    authority: PlannedAuthority,
    { registry, clusters = [], selfUrn }: SiteCertificateAuthorityInputs,
    context: RegistryContext,
): Promise<string[]> {
    if (clusters.length === 0) return [];
    if (registry === undefined || hasUnknown(registry) || hasUnknown(clusters))
        return ["the registry or a cluster is not known yet"];
    const { host } = parseMirrorBase(registry.mirrorBase);
    const found = await Promise.all(
        clusters.map(async (cluster) => {
            const look = (client: ClusterClient) => missingPart(client, host, authority, cluster.version);
            const otherwise = `so CA ${authority.generation} issues nothing yet`;
            const inputs = { ...cluster, selfUrn };
            const read = await withReadableCluster(inputs, context, async (client) => [await look(client)], {
                otherwise,
            });
            const problem = read === undefined ? "it could not be read" : read[0];
            return problem === undefined ? [] : [`${clusterName(cluster)}: ${problem}`];
        }),
    );
    return found.flat();
}

/** undefined: every node has it. Read from the cluster, not remembered: another may have changed it since. */
async function missingPart(
    client: ClusterClient,
    host: string,
    { serialNumber }: PlannedAuthority,
    version: string | undefined,
): Promise<string | undefined> {
    const key = trustKey(host);
    const { configMap, isNamed } = await readCaPlace(client);
    const pem = configuredCa(configMap, key);
    const has = isNamed && certificateBlocks(pem ?? "").some((block) => serialNumberOf(block) === serialNumber);
    if (pem === undefined || !has) return "it does not have the new CA";
    const result = await checkNodes(client, { version, ca: { key, pem } });
    if (result.state === "done") return undefined;
    return result.state === "failed" ? result.problem : "not every node has the new CA";
}
