import { isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import { readPools } from "../../lib/openshift/rollout/check-nodes";
import { pausedPools } from "../../lib/openshift/rollout/pool-rollout";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { describeNodeEffect, forecastNodeEffect } from "../../lib/openshift/rules/node-effect";
import { type TrustPlan, planTrust } from "../../lib/openshift/trust/compare-trust";
import { type WrittenTrust, accountHash, caHash } from "../../lib/openshift/trust/desired-trust";
import { registryAdmin } from "../../lib/registries";
import { clusterLine } from "../cluster/cluster-name";
import { withReadableCluster } from "../cluster/connection";
import { poolSizes } from "../cluster/pool-sizes";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import { desiredTrust } from "./desired";
import { isSecretReplaced, requireUnpaused, withoutNewSecret } from "./new-secret";
import { otherMirrorsWarning } from "./other-mirrors";
import { type ClusterTrustInputs, registryHost } from "./kind";

/** What certainly fails in the update too, whatever account nodes get. */
const FATAL = ["TRUST_EXISTS", "PULL_SECRET_INVALID", "CLUSTER_OBJECT_INVALID", "MIRROR_HOST_INVALID"];

/** Logs what will be added where, and what nodes do then. Reads the cluster; one that cannot be read is one line. */
export async function previewTrust(
    olds: Partial<ClusterTrustInputs>,
    news: ClusterTrustInputs,
    context: RegistryContext,
): Promise<void> {
    const { host, ca, account, adopt } = desiredTrust(news, context);
    const former = olds.registry === undefined ? host : registryHost(olds.registry);
    if (former !== host) {
        // The engine checks the replacement once more, as a new resource: that describes the rest.
        context.log.line("info", clusterLine(news, leavingLine(former, host)));
        return;
    }
    if (olds.registry !== undefined && isWithoutAccount(olds.registry, news.registry)) {
        context.log.line("warning", clusterLine(news, pathWarning(olds.registry)));
    }
    // The account of a robot that is still to be created is not known.
    const desired = { host, ca, adopt, account: hasUnknown(account) ? undefined : account };
    const isRenewed = olds.registry !== undefined && isSecretReplaced(news, desired.account, context);
    const found = await withReadableCluster(
        news,
        context,
        async (client) => {
            const before = appliedTrust(olds);
            const plan = await planTrust(client, desired, before);
            if (plan.pullSecret === undefined) return { plan, pools: [], others: undefined };
            const { mirrorBase } = news.registry;
            const others =
                before.entryHash === undefined ? await otherMirrorsWarning(client, { host, mirrorBase }) : undefined;
            return { plan, pools: await readPools(client), others };
        },
        { otherwise: "compared with the last applied state", fatal: isRenewed ? "all" : FATAL },
    ).catch((error: unknown) => {
        throw isRenewed ? withoutNewSecret(error) : error;
    });
    if (found === undefined) return;
    if (isRenewed) requireUnpaused(news, found.pools);
    for (const line of planLines(found.plan, found.pools, news.version)) {
        context.log.line("info", clusterLine(news, line));
    }
    const paused = found.plan.pullSecret === undefined ? undefined : pausedPools(found.pools);
    const problems = [
        ...found.plan.warnings,
        ...(found.others === undefined ? [] : [found.others]),
        ...(paused?.state === "failed" ? [`${paused.problem}; ${paused.fix}`] : []),
    ];
    for (const problem of problems) context.log.line("warning", clusterLine(news, problem));
}

function leavingLine(former: string, current: string): string {
    return `CA and account of ${former} stay beside those of ${current}, and leave in the same up once no node has mirror rules for ${former}`;
}

type Registry = ClusterTrustInputs["registry"];

/** True if nodes get an account for another path of the host, which may not pull from the former one. */
function isWithoutAccount(former: Registry, current: Registry): boolean {
    const isMoved = !isSameMirrorBase(former.mirrorBase, current.mirrorBase);
    return isMoved && registryAdmin(current.type).capabilities.robotAccounts;
}

function pathWarning({ mirrorBase }: Registry): string {
    return (
        `nodes get the new account before the new mirror rules, and it may not pull from ${mirrorBase}: until they have the ` +
        "rules, pulls of images that a node lacks fail (docs/how-to/change-the-registry.md)"
    );
}

/** What the last `up` has written: a check gets inputs only. */
function appliedTrust({ registry, credentials }: Partial<ClusterTrustInputs>): WrittenTrust {
    return {
        ...(registry?.ca === undefined ? {} : { caHash: caHash(registry.ca) }),
        ...(credentials === undefined ? {} : { entryHash: accountHash(credentials) }),
    };
}

function planLines(
    { ca, certificates, pullSecret }: TrustPlan,
    pools: readonly MachineConfigPool[],
    version: string | undefined,
): string[] {
    const effect = (part: "additionalTrustedCa" | "pullSecret") =>
        describeNodeEffect(
            forecastNodeEffect(
                { registriesConf: {}, [part]: "before" },
                { registriesConf: {}, [part]: "after" },
                version,
            ),
        );
    const sizes = poolSizes(pools);
    const count = sizes === "" ? "" : ` (${sizes})`;
    return [
        ...(ca === undefined ? [] : [[`${ca}; ${effect("additionalTrustedCa")}`, ...certificates].join("\n    ")]),
        ...(pullSecret === undefined ? [] : [`${pullSecret}; ${effect("pullSecret")}${count}`]),
    ];
}
