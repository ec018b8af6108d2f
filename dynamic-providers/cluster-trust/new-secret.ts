import { PassthroughError, toProblem } from "../../lib/errors/errors";
import type { Credentials } from "../../lib/http/credentials";
import { pausedPools } from "../../lib/openshift/rollout/pool-rollout";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { clusterError } from "../cluster/cluster-name";
import type { RegistryContext } from "../registry/registry-process";
import type { ClusterTrustInputs } from "./kind";

const LEAVE_OUT =
    "or leave the cluster out of the `up` that changes the secret (docs/how-to/cluster.md#what-up-does): until a later one " +
    "gives it the new secret, its nodes pull only what a token that they have still allows";

/**
 * True in the preview of an `up` that gives the account of the nodes a new secret in place, which ends the one that they have:
 * a cluster that could not be given the new one has to be found before that.
 * @param account undefined: not known before the update
 */
export function isSecretReplaced(
    { registry }: Pick<ClusterTrustInputs, "registry">,
    account: Credentials | undefined,
    { process }: RegistryContext,
): boolean {
    return account === undefined && process.pullerRenewals.has(registry.mirrorBase);
}

/**
 * A pull secret reaches the nodes of a paused pool only when it is resumed.
 * @throws PassthroughError `ROLLOUT_FAILED`
 */
export function requireUnpaused(inputs: ClusterTrustInputs, pools: readonly MachineConfigPool[]): void {
    const paused = pausedPools(pools);
    if (paused.state !== "failed") return;
    throw withoutNewSecret(clusterError(inputs, paused.problem, { code: "ROLLOUT_FAILED", fix: paused.fix }));
}

/** The error of a cluster that cannot be given the new secret, with what that means. */
export function withoutNewSecret(error: unknown): unknown {
    if (!(error instanceof PassthroughError)) return error;
    const { problem, fix, ...facts } = toProblem(error);
    const consequence =
        "its nodes would not get the puller's new secret, and the one that they have ends with this `up`";
    return new PassthroughError(`${problem}; ${consequence}`, {
        ...facts,
        fix: fix === undefined ? LEAVE_OUT.replace("or ", "") : `${fix}; ${LEAVE_OUT}`,
    });
}
