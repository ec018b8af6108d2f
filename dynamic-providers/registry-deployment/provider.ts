import { PassthroughError, toProblem } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { formatProblem } from "../../lib/errors/format";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import {
    type DeployedRegistry,
    type RegistryAccounts,
    applyObjects,
    bucketDoubt,
    bucketOf,
    compareObjects,
    htpasswd,
    nextAccounts,
    podsProblem,
    registryObjects,
    removeObjects,
    requireOwnObjects,
    requireRunnableImage,
    waitForRegistryPods,
} from "../../lib/openshift/deployed-registry";
import { parseConnection } from "../../lib/site";
import { withCluster, withReadableCluster } from "../cluster/connection";
import { clusterName } from "../cluster/cluster-name";
import { showProgress } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import { hasUnknown } from "../lifecycle/unknown-value";
import { hasOtherPushHost } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { answers } from "./answers";
import { clockWarning } from "./clock";
import { requireHealthy } from "./doctor";
import { type RegistryDeploymentInputs, type RegistryDeploymentOutputs, registryDeploymentKind as kind } from "./kind";
import { atFormerAddress, requireFormerAddress, requireSameStorage, checkCertificate } from "./refusals";
import { isRotation, rotationLine } from "./rotation";
import { notedByHand, requireUnused } from "./unused";

const ADDRESS_FIX =
    "check that the host's name leads to the cluster's routers (expose: route) or to its nodes (expose: nodePort) from here, " +
    "and that no firewall is between; then run again";
const COMPARED = comparedInputs(kind);
const INCOMPLETE = "it was not completed";
const DELETE_KEY = "site.registry.deploy.cluster.deleteContent";

/** A plain registry runs in a cluster, answers at both of its addresses, and knows both accounts. */
export const registryDeploymentProvider: RegistryProvider<RegistryDeploymentInputs, RegistryDeploymentOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        requireSameStorage(olds, news);
        await noteBucketDoubt(olds, news, context);
        checkCertificate(olds, news, context);
    },

    // Another token or address of the API is no change of the registry.
    compare: (olds, news) => ({
        changes: changedInputs(olds, news, COMPARED).length > 0 || olds.differences.length > 0,
    }),

    describeUpdate: (olds, news, { log }) => {
        requireAddress(olds, news);
        if (!isRotation(olds, news)) return;
        log.line("info", rotationLine(olds.accounts, wasTaken(olds), "site.registry.deploy.cluster.rotate"));
    },

    create: async (inputs, context) => ({
        id: deploymentId(inputs),
        outs: await deploy({}, inputs, await nextAccounts(undefined), context),
    }),

    read: async (olds, context) => {
        const inputs = storedInputs<RegistryDeploymentInputs>(kind, olds);
        const known = { ...olds, ...notedByHand(olds, context.process.settings) };
        const seen = await withReadableCluster(olds, context, (client) => look(client, olds), {
            otherwise: "the registry in it counts as it was last seen",
        });
        if (seen === undefined) return { outs: known, inputs };
        // Its objects do not tell whether it takes uploads, and both accounts.
        const found = [...olds.differences.filter((text) => text === INCOMPLETE), ...seen];
        // What is in it cannot be looked at before the next update has mended it.
        if (found.length > 0 || hasOtherPushHost(olds, context))
            context.process.brokenRegistries.add(olds.registry.mirrorBase);
        if (found.length > 0) context.log.line("warning", `${clusterName(olds)}: ${found.join("; ")}`);
        return { outs: { ...known, differences: found }, inputs };
    },

    update: async (olds, news, context) => {
        requireSameStorage(olds, news);
        checkCertificate(olds, news, context);
        requireAddress(olds, news);
        const accounts = isRotation(olds, news) ? await nextAccounts(olds.accounts, wasTaken(olds)) : olds.accounts;
        return deploy(olds, news, accounts, context);
    },

    remove: async (olds, context) => {
        requireUnused(olds, context.process.settings);
        const objects = objectsOf(olds, olds.accounts);
        await withCluster(olds, context, (client) =>
            removeObjects(client, objects, olds.owner, {
                clock: context.process.clock,
                signal: context.signal,
                removesContent: olds.deleteContent,
            }),
        );
        if (olds.deleteContent) return;
        const bucket = bucketOf(olds.storage);
        const kept =
            bucket === undefined
                ? `the volume with the content, and the namespace ${olds.namespace} that it is in, stay (${DELETE_KEY})`
                : `what is in the bucket ${bucket.bucket} at ${bucket.endpoint} stays`;
        context.log.line("info", `${clusterName(olds)}: ${kept}`);
    },
};

function deploymentId({ cluster, namespace }: RegistryDeploymentInputs): string {
    return cluster === "" ? namespace : `${cluster}/${namespace}`;
}

/** Whether clusters may pull from it. State of earlier versions does not say. */
function wasSetUp(olds: Partial<RegistryDeploymentOutputs>): boolean {
    return olds.wasSetUp ?? olds.differences !== undefined;
}

/** @throws PassthroughError `CONFIG_INVALID` for an address that clusters do not have yet */
function requireAddress(olds: RegistryDeploymentOutputs, news: RegistryDeploymentInputs): void {
    if (wasSetUp(olds))
        requireFormerAddress(
            olds,
            news,
            [olds, news].some(({ expose }) => expose === "route"),
        );
}

/** Whether the registry took its present accounts to the end. */
function wasTaken({ differences }: RegistryDeploymentOutputs): boolean {
    return !differences.includes(INCOMPLETE);
}

function objectsOf(inputs: RegistryDeploymentInputs, accounts: RegistryAccounts) {
    return registryObjects(registryOf(inputs, accounts));
}

function registryOf(inputs: RegistryDeploymentInputs, accounts: RegistryAccounts): DeployedRegistry {
    const { mirror, pushHost } = parseConnection(inputs.registry);
    const hosts = { pull: mirror.host, push: pushHost ?? mirror.host };
    const files = { pull: htpasswd(accounts, "pull"), push: htpasswd(accounts, "push") };
    return { ...inputs, hosts, htpasswd: files };
}

/** What keeps the registry from being as it was deployed. */
async function look(client: ClusterClient, state: RegistryDeploymentOutputs): Promise<readonly string[]> {
    const found = await compareObjects(client, objectsOf(state, state.accounts), state.owner);
    const pods = await podsProblem(client, state.namespace);
    return [...found, ...(pods === undefined ? [] : [`it waits for ${pods}`])];
}

/**
 * Asks for a bucket that is new to this registry, or has another account, and says what could not be found out.
 * @throws PassthroughError `CONFIG_INVALID` for one that no pod could use either
 */
async function noteBucketDoubt(
    olds: Partial<RegistryDeploymentInputs>,
    news: RegistryDeploymentInputs,
    { log, process, signal }: RegistryContext,
): Promise<void> {
    const { storage, storageAccount } = news;
    const bucket = bucketOf(storage);
    if (bucket === undefined || storageAccount === undefined || hasUnknown(storageAccount)) return;
    if (changedInputs(olds, news, ["storage", "storageAccount"]).length === 0) return;
    const doubt = await bucketDoubt(bucket, storageAccount, { now: process.clock.now(), signal });
    if (doubt === undefined) return;
    const what = `from this machine it could not be found out whether the registry can use the bucket ${bucket.bucket}`;
    log.line("warning", `${what} (${doubt}): its pod gets ready only if it can`);
}

/** @throws PartialState with the accounts, once anything is written */
async function deploy(
    olds: Partial<RegistryDeploymentOutputs>,
    inputs: RegistryDeploymentInputs,
    accounts: RegistryAccounts,
    context: RegistryContext,
): Promise<RegistryDeploymentOutputs> {
    const { owner, namespace } = inputs;
    const objects = objectsOf(inputs, accounts);
    const ranBefore = wasSetUp(olds);
    const byHand = notedByHand({ ...inputs, clustersByHand: olds.clustersByHand }, context.process.settings);
    const known = { ...inputs, ...byHand, accounts, differences: [], wasSetUp: ranBefore };
    await noteBucketDoubt(olds, inputs, context);
    await withCluster(inputs, context, async (client) => {
        await requireOwnObjects(client, objects, owner);
        const otherTime = clockWarning(client);
        if (otherTime !== undefined) context.log.line("warning", `${clusterName(inputs)}: ${otherTime}`);
        await showProgress(context, (wait) => requireRunnableImage(client, registryOf(inputs, accounts), wait));
        try {
            await showProgress(context, async (wait) => {
                await applyObjects(client, objects, owner, wait);
                await waitForRegistryPods(client, namespace, wait);
                for (const role of ["importer", "puller"] as const)
                    await answers(inputs, { accounts, role, fix: ADDRESS_FIX }, context, wait);
            });
            await requireHealthy(inputs, { credentials: accounts.importer }, context).catch((error: unknown) => {
                // A registry that runs must not be kept from what mends it: a larger volume, another certificate.
                if (!ranBefore || context.signal.aborted || !(error instanceof PassthroughError)) throw error;
                context.log.line("warning", `${clusterName(inputs)}: ${formatProblem(toProblem(error))}`);
            });
        } catch (error) {
            // A volume that could not grow is as large as it was: the former size may be written again.
            const { storage } = { ...inputs, ...olds };
            const registry = ranBefore ? atFormerAddress(inputs.registry, olds.registry) : inputs.registry;
            const partial = { ...known, registry, storage, differences: [INCOMPLETE] };
            const reason = formatProblem(toProblem(error));
            throw new PartialState(deploymentId(inputs), partial, [reason], errorCodes(error));
        }
    });
    context.process.brokenRegistries.delete(inputs.registry.mirrorBase);
    return { ...known, wasSetUp: true };
}
