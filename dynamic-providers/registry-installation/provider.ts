import { PassthroughError, toProblem } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { formatProblem } from "../../lib/errors/format";
import { hostName } from "../../lib/http/hostname";
import {
    ADMINISTRATOR,
    type Installation,
    type InstallationSecrets,
    type InstalledKind,
    applyInstallation,
    compareInstallation,
    removeInstallation,
    requireUpgrade,
} from "../../lib/installers";
import { splitHost } from "../../lib/openshift/access/network-access";
import { parseConnection } from "../../lib/site";
import { type HostSession, onHost } from "../../lib/ssh";
import { ProgressRow } from "../lifecycle/progress-row";
import { changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import { hasUnknown } from "../lifecycle/unknown-value";
import { checkCertificate } from "../registry-deployment/refusals";
import { notedByHand, requireUnused } from "../registry-deployment/unused";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type RegistryInstallationInputs,
    type RegistryInstallationOutputs,
    registryInstallationKind as kind,
} from "./kind";
import { passwordFile } from "./rejected-password";
import { settle } from "./settle";
import { tryUploads } from "./try-uploads";

const COMPARED = comparedInputs(kind);
const KEY = "site.registry.deploy.installer";
/** What an installer writes into the registry's configuration, and what clusters know it by. */
const ADDRESS = ["host", "port"] as const;
const INCOMPLETE = "it was not completed";
const UNCHECKED = "the checks that send something to it were not passed yet";

/** Its own installer has set the registry up on a host; it answers, and takes the administrator's account. */
export const registryInstallationProvider: RegistryProvider<RegistryInstallationInputs, RegistryInstallationOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        if (hasUnknown(news.registry)) return;
        requireSamePlace(olds, news, ["kind", "directory"]);
        requireUpgrade(olds.installer?.version, installationOf(news));
        checkCertificate(olds, news, context);
        const { version } = news.installer;
        const former = olds.installer?.version;
        if (former === version) return;
        const what = former === undefined ? `is installed in ${version}` : `is upgraded from ${former} to ${version}`;
        context.log.line("info", `${news.registry.type} ${what} on ${news.host.address}; it does not answer meanwhile`);
    },

    // One that was not completed may have a name or a port that does not do; the update asks the host whether it is one.
    describeUpdate: (olds, news) => {
        // Its CAs may only be known in the update.
        const { mirrorBase } = news.registry as Partial<typeof news.registry>;
        if (olds.isUnchecked === true || mirrorBase === undefined || hasUnknown(mirrorBase)) return;
        requireSamePlace(olds, { ...news, registry: { ...olds.registry, mirrorBase } }, ADDRESS);
    },

    compare: (olds, news) => ({
        changes: changedInputs(olds, news, COMPARED).length > 0 || olds.differences.length > 0,
    }),

    create: async (inputs, context) => ({
        id: `${inputs.host.address}:${inputs.directory}`,
        outs: await install(inputs, undefined, context),
    }),

    read: async (olds, context) => {
        const inputs = storedInputs<RegistryInstallationInputs>(kind, olds);
        context.process.passwordFiles.set(olds.registry.mirrorBase, passwordFile(olds));
        const found = await withHost(olds, context, (session) => compareInstallation(session, installationOf(olds)));
        // What is in it cannot be looked at before the next update has mended it.
        if (found.length > 0) context.process.brokenRegistries.add(olds.registry.mirrorBase);
        const differences = [...found.map(({ text }) => text), ...(olds.isUnchecked !== undefined ? [UNCHECKED] : [])];
        if (differences.length > 0) context.log.line("warning", `${olds.host.address}: ${differences.join("; ")}`);
        return { outs: { ...olds, ...notedByHand(olds, context.process.settings), differences }, inputs };
    },

    update: async (olds, news, context) => {
        requireSamePlace(olds, news, ["kind", "directory"]);
        if (olds.isUnchecked !== true) requireSamePlace(olds, news, ADDRESS);
        checkCertificate(olds, news, context);
        if (hasOtherLoginOnly(olds, news)) return { ...olds, ...news };
        return install(news, olds, context);
    },

    remove: async (olds, context) => {
        requireUnused(olds, context.process.settings);
        const { deleteContent, secrets, host, directory } = olds;
        await withHost(olds, context, (session, onProgress) =>
            removeInstallation(session, installationOf(olds), { removesContent: deleteContent, secrets, onProgress }),
        );
        if (deleteContent) return;
        context.log.line("info", `${host.address}: ${directory} stays, with the content (${KEY}.deleteContent)`);
    },
};

/** Another address is looked at: it must lead to the same host. */
function hasOtherLoginOnly(olds: RegistryInstallationOutputs, news: RegistryInstallationInputs): boolean {
    if (olds.differences.length > 0 || olds.host.address !== news.host.address) return false;
    return changedInputs(olds, news, COMPARED).every((name) => name === "host" || name === "login");
}

/** @throws PassthroughError `CONFIG_INVALID` if the content, or the name that it is known by, would be left behind */
function requireSamePlace(
    olds: Partial<RegistryInstallationInputs>,
    news: RegistryInstallationInputs,
    names: readonly ("kind" | "directory" | "host" | "port")[],
): void {
    if (olds.directory === undefined || olds.registry === undefined) return;
    const [before, after] = [installationOf(olds as RegistryInstallationInputs), installationOf(news)];
    const moved = names.find((name) => before[name] !== after[name]);
    if (moved === undefined) return;
    const key = {
        kind: "site.registry.type",
        directory: `${KEY}.directory`,
        host: "site.registry.mirrorBase",
        port: "site.registry.mirrorBase",
    }[moved];
    throw new PassthroughError(`its installer cannot change it from ${before[moved]} to ${after[moved]}`, {
        code: "CONFIG_INVALID",
        thing: key,
        fix: `write ${before[moved]} again; to move, install a second registry with another stack (docs/how-to/change-the-registry.md)`,
    });
}

function installationOf(inputs: RegistryInstallationInputs): Installation {
    const { owner, directory, httpPort, installer, chain, key } = inputs;
    const { mirror } = parseConnection(inputs.registry);
    return {
        kind: inputs.registry.type as InstalledKind,
        host: hostName(mirror.host),
        port: splitHost(mirror.host, 443).port,
        ...{ owner, directory, httpPort, installer, chain, key },
    };
}

/** @throws PartialState with the secrets, once there are some */
async function install(
    inputs: RegistryInstallationInputs,
    olds: RegistryInstallationOutputs | undefined,
    context: RegistryContext,
): Promise<RegistryInstallationOutputs> {
    const known = olds?.secrets;
    let isUnchecked = olds?.isUnchecked;
    // Undefined until something is written: state stays as it is if that is not reached.
    let secrets: InstallationSecrets | undefined;
    const outputs = (used: InstallationSecrets, differences: readonly string[]) => ({
        ...inputs,
        ...notedByHand({ ...inputs, clustersByHand: olds?.clustersByHand }, context.process.settings),
        admin: adminOf(used),
        secrets: used,
        differences,
    });
    const apply = (session: HostSession, onProgress: (text: string) => void) =>
        applyInstallation(session, installationOf(inputs), {
            secrets: known,
            mustExist: olds !== undefined && olds.host.address !== inputs.host.address,
            signal: context.signal,
            now: context.process.clock.now(),
            onProgress,
            onFound: (ranBefore) => {
                if (ranBefore) requireSamePlace(olds ?? {}, inputs, ADDRESS);
                isUnchecked = uncheckedAfter(inputs, olds, ranBefore);
            },
            onSecrets: (used) => {
                secrets = used;
            },
            settle: (used) => settle(inputs, used, context, onProgress),
        });
    try {
        await withHost(inputs, context, async (session, onProgress) => {
            await apply(session, onProgress);
            if (secrets !== undefined) await check(inputs, { isUnchecked, secrets, onProgress }, context);
        });
    } catch (error) {
        if (secrets === undefined) throw error;
        const reason = formatProblem(toProblem(error));
        const id = `${inputs.host.address}:${inputs.directory}`;
        const partial = { ...outputs(secrets, [INCOMPLETE]), ...(isUnchecked === undefined ? {} : { isUnchecked }) };
        throw new PartialState(id, partial, [reason], errorCodes(error));
    }
    if (secrets === undefined) throw new Error("an installation has secrets");
    context.process.brokenRegistries.delete(inputs.registry.mirrorBase);
    context.process.passwordFiles.set(inputs.registry.mirrorBase, passwordFile(inputs));
    return outputs(secrets, []);
}

function adminOf({ password }: InstallationSecrets) {
    return { username: ADMINISTRATOR, password };
}

/**
 * Whether uploads are to be tried: at a registry that is installed anew, also in the place of one that state has, after its
 * installer was run for another version, and where that was not done to the end.
 * @param ranBefore whether a registry was set up there; its state may be lost
 */
function uncheckedAfter(
    inputs: RegistryInstallationInputs,
    olds: RegistryInstallationOutputs | undefined,
    ranBefore: boolean,
): RegistryInstallationOutputs["isUnchecked"] {
    if (!ranBefore || olds?.isUnchecked === true) return true;
    const isOther = olds?.installer.version !== inputs.installer.version;
    return isOther || olds?.isUnchecked !== undefined ? "ran before" : undefined;
}

interface Checking {
    readonly isUnchecked: RegistryInstallationOutputs["isUnchecked"];
    readonly secrets: InstallationSecrets;
    readonly onProgress: (text: string) => void;
}

/** Whether uploads arrive. */
async function check(
    inputs: RegistryInstallationInputs,
    { isUnchecked, secrets, onProgress }: Checking,
    context: RegistryContext,
): Promise<void> {
    if (isUnchecked === undefined) return;
    onProgress("sending test blobs, and reading them back");
    await tryUploads(inputs, adminOf(secrets), context).catch((error: unknown) => {
        // A registry that runs must not be kept from what mends it.
        if (isUnchecked === true || context.signal.aborted || !(error instanceof PassthroughError)) throw error;
        context.log.line("warning", `${inputs.host.address}: ${formatProblem(toProblem(error))}`);
    });
}

/** With today's way to the host: state may have that of before a change. */
async function withHost<T>(
    inputs: Pick<RegistryInstallationInputs, "registry" | "host" | "login">,
    { process, signal, log }: RegistryContext,
    work: (session: HostSession, onProgress: (text: string) => void) => Promise<T>,
): Promise<T> {
    const row = new ProgressRow(log);
    try {
        return await onHost(
            process.settings.hostConnection(inputs),
            (session) => work(session, (text) => row.show(text)),
            signal,
        );
    } finally {
        row.stop();
    }
}
