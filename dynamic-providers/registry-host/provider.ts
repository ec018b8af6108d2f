import { isDeepStrictEqual } from "node:util";
import { errorMessage, PassthroughError, toProblem } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { formatProblem } from "../../lib/errors/format";
import {
    type HostImage,
    type HostRegistry,
    applyRegistry,
    bringImage,
    compareRegistry,
    firewallState,
    makeFolders,
    readHostFacts,
    removeRegistry,
    requireContent,
    strangersOf,
    unitHashes,
} from "../../lib/host-registry";
import { type RegistryAccounts, htpasswd, nextAccounts } from "../../lib/openshift/deployed-registry";
import { type HostSession, hostLabel } from "../../lib/ssh";
import { showProgress } from "../cluster/show-wait";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import { hasUnknown } from "../lifecycle/unknown-value";
import { answers } from "../registry-deployment/answers";
import { requireHealthy } from "../registry-deployment/doctor";
import { atFormerAddress, requireFormerAddress, checkCertificate } from "../registry-deployment/refusals";
import { isRotation, rotationLine } from "../registry-deployment/rotation";
import { notedByHand, requireUnused } from "../registry-deployment/unused";
import { hasOtherPushHost } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    admissionChanges,
    admitted,
    findNodes,
    formerClusters,
    nodeClusters,
    nodeDifferences,
    nodesToAdmit,
} from "./admitted-nodes";
import { type HostWithNodes, checkHost, portsOf, previewHost } from "./check-host";
import { withHost, withReadableHost } from "./connection";
import { fileVersion } from "./file-version";
import {
    type BroughtImage,
    type InstalledRegistry,
    type RegistryHostInputs,
    type RegistryHostOutputs,
    registryHostKind as kind,
} from "./kind";
import { OTHER_MACHINE, requireMachine } from "./same-machine";

const KEY = "site.registry.deploy.host";
const ADDRESS_FIX =
    "check that the names in site.registry.mirrorBase and pushHost lead to the host from here, and that no firewall is between, nor " +
    "on the host (firewall-cmd --add-port of both ports, also with --permanent); then run again";
const COMPARED = comparedInputs(kind);
/** How the host is reached: another way to it, or another key to log in with, is no change of the registry. */
const REACHED = ["host", "login"];
/** What the registry itself is made of; another kubeconfig of a cluster is no change of it, another cluster is. */
const DEPLOYED = comparedInputs(kind, [...REACHED, "nodesOf"]);

const INCOMPLETE = "it was not completed";

/** A plain registry runs on a host, answers at both of its addresses, and knows both accounts. */
export const registryHostProvider: RegistryProvider<RegistryHostInputs, RegistryHostOutputs> = {
    ...kind,

    findInputs: async (olds, news) => {
        const { image } = news;
        if (hasUnknown(image) || !("file" in image)) return news;
        const { file } = image;
        const before =
            olds.image !== undefined && "file" in olds.image && olds.image.file === file ? olds.image : undefined;
        const version = await fileVersion(file, `${KEY}.imageFile`, before?.version);
        return { ...news, image: { file, version } };
    },

    // A certificate that is only known in the update is no reason not to look at the host.
    describesUnknown: true,

    describeChanges: async (olds, news, context) => {
        if (!hasUnknown(news.directory)) requireSameDirectory(olds, news);
        checkCertificate(olds, news, context);
        if (olds.directory === undefined) await previewHost(news, context);
    },

    compare: (olds, news) => ({
        changes: changedInputs(olds, news, COMPARED).length > 0 || olds.differences.length > 0,
    }),

    describeUpdate: (olds, news, { log }) => {
        if (olds.installed !== undefined) requireFormerAddress(olds, news);
        if (isRotation(olds, news)) log.line("info", rotationLine(olds.accounts, wasTaken(olds), `${KEY}.rotate`));
        if (hasUnknown([news.nodesOf, news.allowedFrom])) return;
        for (const { level, text } of admissionChanges(olds, news)) log.line(level, `${olds.host.address}: ${text}`);
    },

    create: async (inputs, context) => ({
        id: hostId(inputs),
        outs: await deploy(inputs, undefined, await nextAccounts(undefined), context),
    }),

    read: async (olds, context) => {
        const inputs = storedInputs<RegistryHostInputs>(kind, olds);
        const found = await withReadableHost(olds, context, (session) => look(session, olds, context), {
            otherwise: "the registry on it counts as it was last seen",
            tolerates: "all",
        });
        const known = { ...olds, ...notedByHand(olds, context.process.settings) };
        if (found === undefined) return { outs: known, inputs };
        // What is in it cannot be looked at before the next update has mended it.
        if (found.length > 0 || hasOtherPushHost(olds, context))
            context.process.brokenRegistries.add(olds.registry.mirrorBase);
        const differences = [...found, ...nodeDifferences(olds, await findNodes(olds, olds.nodes, context))];
        if (differences.length > 0) context.log.line("warning", `${olds.host.address}: ${differences.join("; ")}`);
        for (const text of formerClusters(olds)) context.log.line("info", `${olds.host.address}: ${text}`);
        return { outs: { ...known, differences }, inputs };
    },

    update: async (olds, news, context) => {
        requireSameDirectory(olds, news);
        checkCertificate(olds, news, context);
        if (olds.installed !== undefined) requireFormerAddress(olds, news);
        if (!isDeployedAnew(olds, news) && olds.differences.length === 0) {
            const isSame =
                changedInputs(olds, news, REACHED).length === 0 ||
                (await withHost(news, context, async (session) =>
                    requireMachine(session, await readHostFacts(session, news), news, olds, context),
                ));
            if (isSame) return { ...olds, ...news };
        }
        const accounts = isRotation(olds, news) ? await nextAccounts(olds.accounts, wasTaken(olds)) : olds.accounts;
        return deploy(news, olds, accounts, context);
    },

    remove: async (olds, context) => {
        requireUnused(olds, context.process.settings);
        await withHost(olds, context, async (session) => {
            const facts = await readHostFacts(session, olds);
            await requireMachine(session, facts, olds, olds, context);
            const { host } = olds;
            // Without its disk, keys and content would stay there, and nobody would know of them any more.
            const hasUnits = facts.hasOwnUnits && facts.foreignUnits.length === 0;
            if (hasUnits && olds.installed !== undefined) requireContent(session.connection, facts, olds);
            const strangers = strangersOf(facts, olds);
            if (strangers.length > 0) {
                const text = `${strangers.join(", ")}: not of this stack any more; everything there stays as it is`;
                context.log.line("warning", `${host.address}: ${text}`);
                return;
            }
            await removeRegistry(session, olds, { removesContent: olds.deleteContent });
            const fate = olds.deleteContent ? "is deleted" : `stays (${KEY}.deleteContent)`;
            context.log.line("info", `${host.address}: the content in ${olds.directory} ${fate}`);
        });
    },
};

function hostId({ host, directory }: RegistryHostInputs): string {
    return `${hostLabel(host)}${directory}`;
}

function isDeployedAnew(olds: RegistryHostInputs, news: RegistryHostInputs): boolean {
    return changedInputs(olds, news, DEPLOYED).length > 0 || !isDeepStrictEqual(nodeClusters(olds), nodeClusters(news));
}

/** Whether the registry took its present accounts to the end. */
function wasTaken({ installed }: RegistryHostOutputs): boolean {
    return installed?.isOutdated !== true;
}

/** That a change leaves the content where it is. @throws PassthroughError `CONFIG_INVALID` */
function requireSameDirectory(
    { directory: before }: Partial<RegistryHostInputs>,
    { directory }: RegistryHostInputs,
): void {
    if (before === undefined || before === directory) return;
    throw new PassthroughError(`the content is in ${before}, and would stay there`, {
        code: "CONFIG_INVALID",
        thing: `${KEY}.directory`,
        fix:
            `write ${before} again; to move the content, mirror it to a registry elsewhere first ` +
            "(docs/how-to/change-the-registry.md)",
    });
}

function registryOf(
    inputs: HostWithNodes,
    { imageId, podman }: Pick<InstalledRegistry, "imageId" | "podman">,
    accounts: RegistryAccounts,
): HostRegistry {
    const files = { pull: htpasswd(accounts, "pull"), push: htpasswd(accounts, "push") };
    return { ...inputs, imageId, podman, ports: portsOf(inputs), htpasswd: files, allowedFrom: admitted(inputs) };
}

/** What keeps the registry from being as it was deployed. */
async function look(
    session: HostSession,
    state: RegistryHostOutputs,
    context: RegistryContext,
): Promise<readonly string[]> {
    const facts = await readHostFacts(session, state);
    const isSame = await requireMachine(session, facts, state, state, context);
    const { installed } = state;
    if (installed === undefined) return state.differences;
    const found = await compareRegistry(session, registryOf(state, installed, state.accounts), installed);
    return [...(isSame ? [] : [OTHER_MACHINE]), ...(installed.isOutdated === true ? [INCOMPLETE] : []), ...found];
}

/** An archive is what is in it, whatever its path is by now. */
function isSameImage(before: InstalledRegistry["image"], image: InstalledRegistry["image"]): boolean {
    return "file" in before && "file" in image ? before.version === image.version : isDeepStrictEqual(before, image);
}

/** @throws PartialState with the accounts, once anything is written */
async function deploy(
    inputs: RegistryHostInputs,
    before: RegistryHostOutputs | undefined,
    accounts: RegistryAccounts,
    context: RegistryContext,
): Promise<RegistryHostOutputs> {
    return withHost(inputs, context, async (session) => {
        const nodes = await nodesToAdmit(inputs, before, context);
        const { machineId, podman } = await checkHost(
            session,
            { ...inputs, nodes },
            { before, knowsNodes: true },
            context,
        );
        const installed = before?.installed;
        const byHand = notedByHand({ ...inputs, clustersByHand: before?.clustersByHand }, context.process.settings);
        const known = { ...inputs, ...byHand, accounts, machineId, nodes, installed, differences: [] };
        let brought = before?.brought;
        const images = { brought, onBrought: (image: BroughtImage) => (brought = image) };
        try {
            const done = await install(session, known, { podman, ...images }, context);
            context.process.brokenRegistries.delete(inputs.registry.mirrorBase);
            return { ...known, installed: done };
        } catch (error) {
            const reason =
                error instanceof Error && !(error instanceof PassthroughError)
                    ? errorMessage(error)
                    : formatProblem(toProblem(error));
            const outdated = installed === undefined ? {} : { installed: { ...installed, isOutdated: true as const } };
            const registry =
                installed === undefined ? inputs.registry : atFormerAddress(inputs.registry, before?.registry);
            const partial = { ...known, ...outdated, registry, brought, differences: [INCOMPLETE] };
            throw new PartialState(hostId(inputs), partial, [reason], errorCodes(error));
        }
    });
}

interface ImageWork {
    /** Path of the program. */
    readonly podman: string;
    /** What an earlier run brought that was not completed. */
    readonly brought: BroughtImage | undefined;
    /** Told once the host has the image. */
    readonly onBrought: (image: BroughtImage) => void;
}

async function install(
    session: HostSession,
    known: RegistryHostOutputs,
    { podman, brought, onBrought }: ImageWork,
    context: RegistryContext,
): Promise<InstalledRegistry> {
    const { image, directory, accounts, installed: before } = known;
    return showProgress(context, async (wait) => {
        await makeFolders(session, known);
        wait.onProgress("bringing the image to the host");
        const same = [brought, before].find((one) => one !== undefined && isSameImage(one.image, image));
        const imageId = await bringImage(session, {
            ...{ image: image as HostImage, directory },
            ...(same === undefined ? {} : { known: same.imageId }),
        });
        onBrought({ imageId, image });
        const registry = registryOf(known, { imageId, podman }, accounts);
        await applyRegistry(session, registry, wait.onProgress);
        const rules = admitted(known).length === 0 ? {} : { rules: await firewallState(session) };
        for (const role of ["importer", "puller"] as const)
            await answers(known, { accounts, role, fix: ADDRESS_FIX }, context, wait);
        wait.onProgress("sending test blobs, and reading them back");
        await requireHealthy(known, { credentials: accounts.importer }, context).catch((error: unknown) => {
            // A registry that runs must not be kept from what mends it: room, a node that joined, another certificate.
            if (before === undefined || context.signal.aborted || !(error instanceof PassthroughError)) throw error;
            context.log.line("warning", `${known.host.address}: ${formatProblem(toProblem(error))}`);
        });
        return { imageId, image, podman, ...rules, units: unitHashes(registry) };
    });
}
