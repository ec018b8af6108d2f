import { formatBytes } from "../../lib/errors/text";
import { resolveHere } from "../../lib/host-checks";
import {
    type HostFacts,
    type HostRegistry,
    readHostFacts,
    requireContent,
    requireSuitableHost,
} from "../../lib/host-registry";
import { hostName } from "../../lib/http/hostname";
import { splitHost } from "../../lib/openshift";
import { parseConnection } from "../../lib/site";
import type { HostSession } from "../../lib/ssh";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext } from "../registry/registry-process";
import { admitted, findNodes } from "./admitted-nodes";
import { withReadableHost } from "./connection";
import type { RegistryHostInputs, RegistryHostOutputs } from "./kind";
import { requireMachine, warnOfOtherMachine } from "./same-machine";

/** Inputs, and the nodes that are let in. */
export type HostWithNodes = RegistryHostInputs & Pick<RegistryHostOutputs, "nodes">;

/** At which its instances listen. */
export function portsOf({ registry }: RegistryHostInputs): HostRegistry["ports"] {
    const { mirror, pushHost } = parseConnection(registry);
    return { pull: splitHost(mirror.host, 443).port, push: splitHost(pushHost ?? mirror.host, 443).port };
}

function namesOf({ registry }: RegistryHostInputs): string[] {
    const { mirror, pushHost } = parseConnection(registry);
    return [...new Set([mirror.host, pushHost ?? mirror.host].map(hostName))];
}

/**
 * That the host can have the registry, everything at once.
 * @param before state of the last `up`; undefined: it is new
 * @param knowsNodes whether `nodes` has all that there are
 * @throws PassthroughError `HOST_NOT_READY`, `HOST_IN_USE`, `HOST_DIFFERENT`
 */
export async function checkHost(
    session: HostSession,
    inputs: HostWithNodes,
    { before, knowsNodes }: { readonly before: RegistryHostOutputs | undefined; readonly knowsNodes: boolean },
    context: Pick<RegistryContext, "log" | "signal">,
): Promise<HostFacts> {
    const { log } = context;
    const names = namesOf(inputs);
    const facts = await readHostFacts(session, { ...inputs, names });
    const isSame = await requireMachine(session, facts, inputs, before, context);
    if (!isSame && before !== undefined) warnOfOtherMachine(inputs.host, before, log);
    if (before?.installed !== undefined) requireContent(session.connection, facts, inputs);
    // A proxy resolves names by itself.
    const here = await resolveHere(inputs.registry.proxy === undefined ? names : []);
    const { address } = inputs.host;
    const hostAddresses = (await resolveHere([address])).get(address) ?? [];
    const network = { ports: portsOf(inputs), here, hostAddresses };
    const registry = {
        ...inputs,
        allowedFrom: admitted(inputs),
        knowsAllowed: knowsNodes,
        isOtherMachine: !isSame,
        ...network,
    };
    requireSuitableHost(session.connection, facts, registry, {
        now: Date.now(),
        onWarning: (text) => log.line("warning", text),
    });
    return facts;
}

/**
 * The same in the preview of a new registry, with what is known of it.
 * @throws PassthroughError of `checkHost`; none for a host that cannot be reached
 */
export async function previewHost(news: RegistryHostInputs, context: RegistryContext): Promise<void> {
    const { host, login, registry, directory, allowedFrom } = news;
    const { mirrorBase, pushHost } = registry;
    if (hasUnknown([host, login, mirrorBase, pushHost, directory, allowedFrom])) return;
    const found = hasUnknown(news.nodesOf) ? { unknown: undefined } : await findNodes(news, undefined, context);
    const known = Object.entries(found).filter((entry): entry is [string, readonly string[]] => entry[1] !== undefined);
    const inputs = { ...news, nodes: Object.fromEntries(known) };
    const knowsNodes = known.length === Object.keys(found).length;
    const facts = await withReadableHost(
        news,
        context,
        (session) => checkHost(session, inputs, { before: undefined, knowsNodes }, context),
        {
            otherwise: "what the registry needs there is checked in the update",
            tolerates: "unreachable",
        },
    );
    const place = facts === undefined ? undefined : contentPlace(facts, directory);
    if (place !== undefined) context.log.line("info", `${host.address}: ${place}`);
}

/** Where the content will be: a directory below a disk that nobody has mounted looks like any other. */
function contentPlace({ owner, machine: { disk, mountPoint } }: HostFacts, directory: string): string | undefined {
    if (disk === undefined || mountPoint === undefined) return undefined;
    const what = owner === undefined ? "the content comes into" : "the content is taken into use in";
    return `${what} ${directory}, on the file system that is mounted at ${mountPoint}, with ${formatBytes(disk)} free`;
}
