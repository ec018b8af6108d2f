import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { type NodeExpectation, readPools } from "../../lib/openshift/rollout/check-nodes";
import { degradedPools, pausedPools } from "../../lib/openshift/rollout/pool-rollout";
import type { MachineConfigPool } from "../../lib/openshift/rollout/rollout-objects";
import { mirrorUsers } from "../../lib/openshift/existing/mirror-users";
import { readMirrorObjects } from "../../lib/openshift/existing/read-mirror-objects";
import { trustDifferences } from "../../lib/openshift/trust/compare-trust";
import { type WrittenTrust, accountHash } from "../../lib/openshift/trust/desired-trust";
import { trustKey } from "../../lib/openshift/trust/trusted-ca";
import { removeCa, writeCa } from "../../lib/openshift/trust/write-ca";
import { removeWrittenEntry, writePullEntry } from "../../lib/openshift/trust/write-pull-secret";
import { clusterLine, clusterName, namedError, withClusterName } from "../cluster/cluster-name";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { showWait } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { checkCertificates } from "./certificates";
import { desiredTrust } from "./desired";
import { type ClusterTrustInputs, type ClusterTrustOutputs, clusterTrustKind as kind, registryHost } from "./kind";
import { previewTrust } from "./preview";

/** The registry's path, proxy and limits are nothing that a cluster has. */
const COMPARED = comparedInputs(kind, ["registry", "connectionSecrets", "version", "minutes", "account", "adopt"]);

/** The CA and an entry in the global pull secret, on every node of a cluster. */
export const clusterTrustProvider: RegistryProvider<ClusterTrustInputs, ClusterTrustOutputs> = {
    ...kind,

    describeChanges: previewTrust,

    compare: (olds, news) => {
        // The nodes still pull from the former registry until their mirror rules are replaced.
        const replaces = registryHost(olds.registry) === registryHost(news.registry) ? [] : ["registry"];
        const isChanged = changedInputs(olds, news, COMPARED).length > 0 || olds.registry.ca !== news.registry.ca;
        return {
            changes: isChanged || olds.differences.length > 0 || replaces.length > 0,
            ...(replaces.length === 0 ? {} : { replaces }),
        };
    },

    create: async (inputs, context) => {
        const written = await apply(inputs, {}, inputs, context);
        return { id: resourceId(inputs), outs: { ...inputs, ...written, differences: [] } };
    },

    update: async (olds, news, context) => {
        const written = await apply(news, writtenTrust(olds), olds, context);
        return { ...news, ...written, differences: [] };
    },

    read: async (olds, context) => {
        const inputs = storedInputs<ClusterTrustInputs>(kind, olds);
        const host = registryHost(olds.registry);
        const found = await withReadableCluster(
            olds,
            context,
            (client) => trustDifferences(client, host, writtenTrust(olds)),
            { otherwise: "its state stays as it is" },
        );
        if (found === undefined) return { outs: olds, inputs };
        for (const difference of found) {
            context.log.line("warning", clusterLine(olds, `${difference}; the next \`npm run up\` repairs it`));
        }
        return { outs: { ...olds, differences: found }, inputs };
    },

    remove: (olds, context) => withCluster(olds, context, (client) => removeUnused(client, olds, context)),
};

/**
 * Takes out what was written, when no node pulls from the registry any more: its rules were removed or replaced just
 * before, and nodes have the new ones only after a while. Where others still have rules for the registry, all stays.
 */
async function removeUnused(client: ClusterClient, olds: ClusterTrustOutputs, context: RegistryContext): Promise<void> {
    const { process, signal, log } = context;
    const [host, written] = [registryHost(olds.registry), writtenTrust(olds)];
    const warn = (text: string | undefined) => {
        if (text !== undefined) log.line("warning", clusterLine(olds, text));
    };
    const users = mirrorUsers((await readMirrorObjects(client)).objects, host);
    if (users.length > 0) return warn(`CA and account of ${host} stay: ${users.join(", ")} still have mirrors there`);
    const degradedBefore = degradedPools(await readPools(client));
    // Another limit alone is no change of the resource, so state may have an earlier one.
    const bounds = { totalMinutes: process.clusters.removalMinutes(olds) };
    await showWait(client, { unusedHost: host, degradedBefore }, { bounds }, context);
    const options = { clock: process.clock, signal };
    warn(await removeWrittenEntry(client, host, written, options));
    if (written.caHash !== undefined) warn(await removeCa(client, trustKey(host), written, options));
}

function resourceId(inputs: ClusterTrustInputs): string {
    return `${registryHost(inputs.registry)}@${clusterName(inputs)}`;
}

function writtenTrust({ configMap, caHash, caFound, entryHash }: ClusterTrustOutputs): WrittenTrust {
    return { configMap, caHash, caFound, entryHash };
}

/**
 * Writes what is missing, the CA first, and waits for the nodes.
 * @param proven has the account that every node had before
 * @throws PartialState with what was written, and the former account, if it failed after the first write
 */
async function apply(
    inputs: ClusterTrustInputs,
    before: WrittenTrust,
    { credentials }: Pick<ClusterTrustInputs, "credentials">,
    context: RegistryContext,
): Promise<WrittenTrust> {
    await withClusterName(inputs, () => checkCertificates(inputs, context));
    return withCluster(inputs, context, async (client) => {
        const run = new TrustRun(client, inputs, before, context);
        try {
            await run.write();
            await run.wait();
        } catch (error) {
            if (!run.hasWritten) throw error;
            const known = { ...run.written, credentials, differences: [] };
            const reason = errorMessage(namedError(inputs, error));
            throw new PartialState(resourceId(inputs), known, [reason], errorCodes(error));
        }
        return run.written;
    });
}

/** One run of `apply`, with what it has written so far. */
class TrustRun {
    written: WrittenTrust;
    private degradedBefore: readonly string[] = [];

    constructor(
        private readonly client: ClusterClient,
        private readonly inputs: ClusterTrustInputs,
        private readonly before: WrittenTrust,
        private readonly context: RegistryContext,
    ) {
        this.written = before;
    }

    get hasWritten(): boolean {
        return this.written !== this.before;
    }

    async write(): Promise<void> {
        const { host, ca, account, adopt } = desiredTrust(this.inputs, this.context);
        const { client, before } = this;
        const options = { clock: this.context.process.clock, signal: this.context.signal };
        const pools = await readPools(client);
        // Before the first write: these are not the work of this run, and it may repair them.
        this.degradedBefore = degradedPools(pools);
        if (ca !== undefined) {
            const change = { key: trustKey(host), pem: ca, adopt, before };
            const { written, left } = await writeCa(client, change, options);
            this.written = { ...written, entryHash: before.entryHash };
            this.warn(left);
        } else if (before.caHash !== undefined) {
            this.warn(await removeCa(client, trustKey(host), before, options));
            this.written = { entryHash: before.entryHash };
        }
        const beforeWrite = async () => this.requireNonePaused(pools);
        const entryHash = await writePullEntry(client, { host, account, adopt, before }, { ...options, beforeWrite });
        this.written = { ...this.written, entryHash };
    }

    private warn(text: string | undefined): void {
        if (text !== undefined) this.context.log.line("warning", clusterLine(this.inputs, text));
    }

    /** A pull secret reaches the nodes of a paused pool only when it is resumed. */
    private requireNonePaused(pools: readonly MachineConfigPool[]): void {
        const paused = pausedPools(pools);
        if (paused.state === "failed") {
            throw new PassthroughError(paused.problem, {
                code: "ROLLOUT_FAILED",
                place: { cluster: this.client.server },
                fix: paused.fix,
            });
        }
    }

    async wait(): Promise<void> {
        const bounds = { totalMinutes: this.inputs.minutes };
        await showWait(this.client, this.expectation(), { bounds }, this.context);
    }

    private expectation(): NodeExpectation {
        const { host, ca: pem, account } = desiredTrust(this.inputs, this.context);
        const hasCa = pem !== undefined || this.before.caHash !== undefined;
        const isLeft = pem === undefined && this.before.caFound === true;
        return {
            version: this.inputs.version,
            ...(hasCa && !isLeft ? { ca: { key: trustKey(host), pem } } : {}),
            pullEntry: { key: host, hash: accountHash(account) },
            degradedBefore: this.degradedBefore,
        };
    }
}
