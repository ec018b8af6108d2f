import { type ErrorFacts, PassthroughError } from "../../lib/errors/errors";
import { formatBytes } from "../../lib/errors/text";
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

function refusal(key: string, problem: string, fix: string): PassthroughError {
    const facts: ErrorFacts = { code: "CONFIG_INVALID", thing: `${KEY}.${key}`, fix };
    return new PassthroughError(problem, facts);
}
