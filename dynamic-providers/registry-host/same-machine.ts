import { PassthroughError } from "../../lib/errors/errors";
import { type HostFacts, readHostFacts, requireSameMachine } from "../../lib/host-registry";
import { type HostSession, hostError, hostLabel, onHost } from "../../lib/ssh";
import type { ResourceLog } from "../lifecycle/engine";
import type { RegistryContext } from "../registry/registry-process";
import type { RegistryHostInputs, RegistryHostOutputs } from "./kind";

export const OTHER_MACHINE = "it is another machine than before, which has the directory of this registry";

/** What state knows of the machine that had the content. */
export type FormerMachine = Pick<RegistryHostOutputs, "host" | "login" | "machineId">;

/** Codes of a host at which nobody is, or somebody else: its key is that of the former machine alone. */
const NOT_THERE = ["HOST_UNREACHABLE", "HOST_KEY_MISMATCH", "TIMEOUT"];

/**
 * That the content is on this machine. Another one with its directory is taken as the same one installed again, or as what
 * takes its place with its disk: not as long as the former machine answers at the address that state has, since both would
 * have the registry then.
 * @param before undefined: it is new
 * @returns whether it is the machine of before
 * @throws PassthroughError `HOST_DIFFERENT`
 */
export async function requireMachine(
    session: HostSession,
    facts: HostFacts,
    inputs: Pick<RegistryHostInputs, "directory" | "owner">,
    before: FormerMachine | undefined,
    { signal }: Pick<RegistryContext, "signal">,
): Promise<boolean> {
    const { connection } = session;
    const isSame = requireSameMachine(connection, facts, inputs, before?.machineId);
    if (isSame || before === undefined || isSameAddress(before.host, connection)) return isSame;
    if (!(await isThere(before, inputs, signal))) return false;
    throw hostError(connection, "HOST_DIFFERENT", `the machine that has the content still answers at ${at(before)}`, {
        fix:
            `write ${before.host.address} to site.registry.deploy.host.address again; if this machine is to take its place with a ` +
            "copy of its disk, shut the former one down first, and run again",
    });
}

/** Says that another machine is taken, and which one is left behind. */
export function warnOfOtherMachine({ address }: RegistryHostInputs["host"], before: FormerMachine, log: ResourceLog) {
    const left = `what the former one has of the registry stays there (machine-id ${before.machineId}, last at ${at(before)})`;
    log.line("warning", `${address}: ${OTHER_MACHINE}; ${left}: if it still runs, shut it down`);
}

function at({ host }: FormerMachine): string {
    return hostLabel(host);
}

function isSameAddress(one: RegistryHostInputs["host"], other: Pick<RegistryHostInputs["host"], "address" | "port">) {
    return one.address === other.address && one.port === other.port;
}

/** Whether the machine of before is where it was. One that lets nobody in is: it has proven itself with its key. */
async function isThere(
    { host, login, machineId }: FormerMachine,
    { directory, owner }: Pick<RegistryHostInputs, "directory" | "owner">,
    signal: AbortSignal,
): Promise<boolean> {
    try {
        const facts = await onHost({ ...host, ...login }, (one) => readHostFacts(one, { directory, owner }), signal);
        return facts.machineId === machineId;
    } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PassthroughError)) throw error;
        return !NOT_THERE.includes(error.code);
    }
}
