import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { listed } from "../../errors/text";
import { parseBoundedJson } from "../../oci/bounded-json";
import { parseBoundedYaml } from "../../oci/bounded-yaml";
import { type SignaturePolicy, policyJson } from "../../signatures";
import { readIgnitionFile } from "./ignition-file";
import type { PoolOptions } from "./pool-rollout";
import { type FindMachineConfig, checkRendered } from "./rendered-configs";
import type { MachineConfig, MachineConfigPool } from "./rollout-objects";
import type { RolloutResult } from "./rollout-result";

/** What decides which signatures a node asks for, and where it looks them up. */
const POLICY_JSON = "/etc/containers/policy.json";
/** For pods of a namespace, in place of the former (pkg/daemon/constants, CrioPoliciesDir). */
const NAMESPACE_POLICIES = "/etc/crio/policies";
const SIGSTORE_REGISTRIES = "/etc/containers/registries.d/sigstore-registries.yaml";

/** How many scopes a line names. */
const MAX_SCOPES = 3;

const policyFile = z.object({
    transports: z.object({ docker: z.record(z.string(), z.array(z.unknown())).default({}) }).optional(),
});
const registriesFile = z.object({ docker: z.record(z.string(), z.unknown()).nullish() });

/**
 * The rendered configuration that each pool wants has our signature policies: the requirement of each scope in
 * policy.json or in that of the namespace, and the scope in the file that has signatures looked up (machine-config-operator,
 * pkg/controller/container-runtime-config, updatePolicyJSON and generateSigstoreRegistriesdConfig).
 * @throws PassthroughError `CLUSTER_OBJECT_INVALID`
 */
export function policiesRendered(
    expected: readonly SignaturePolicy[],
    pools: readonly MachineConfigPool[],
    find: FindMachineConfig,
    options: PoolOptions = {},
): RolloutResult {
    const missing = (config: MachineConfig) => {
        const scopes = missingScopes(config, expected);
        return scopes.length === 0
            ? undefined
            : `a configuration with the signature policies of ${listed(scopes, MAX_SCOPES)}`;
    };
    return checkRendered(pools, find, missing, { ...options, fix: NOT_TAKEN });
}

const NOT_TAKEN =
    "read the log of the operator, which refuses all policies together with the mirror rules if one scope is against " +
    "registrySources of Image cluster: oc -n openshift-machine-config-operator logs deploy/machine-config-controller";

/** The scopes whose policies a configuration does not have. */
function missingScopes(config: MachineConfig, expected: readonly SignaturePolicy[]): string[] {
    const files = new Map(
        [...new Set(expected.map(policyFilePath))].map((path) => [path, dockerScopes(readIgnitionFile(config, path))]),
    );
    const lookups = lookedUp(readIgnitionFile(config, SIGSTORE_REGISTRIES));
    const lacking = expected.flatMap((policy) => {
        const wanted = dockerScopes(policyJson([policy], policy.namespace));
        const docker = files.get(policyFilePath(policy)) ?? {};
        return policy.scopes.filter((scope) => {
            const [requirement] = wanted[scope] ?? [];
            return !lookups.has(scope) || !docker[scope]?.some((found) => isDeepStrictEqual(found, requirement));
        });
    });
    return [...new Set(lacking)];
}

function policyFilePath({ namespace }: SignaturePolicy): string {
    return namespace === undefined ? POLICY_JSON : `${NAMESPACE_POLICIES}/${namespace}.json`;
}

function dockerScopes(text: string | undefined): Readonly<Record<string, readonly unknown[]>> {
    if (text === undefined) return {};
    return policyFile.safeParse(parseBoundedJson(text)).data?.transports?.docker ?? {};
}

function lookedUp(text: string | undefined): ReadonlySet<string> {
    const found = text === undefined ? undefined : registriesFile.safeParse(parseBoundedYaml(text)).data;
    return new Set(Object.keys(found?.docker ?? {}));
}
