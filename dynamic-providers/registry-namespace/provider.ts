import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { type Namespace, type DesiredNamespace, type RegistryManagement, registryAdmin } from "../../lib/registries";
import { type AdminInputs, adminInputs, hasMoved, withManagement } from "../registry/connection";
import type { ResourceProvider, OperationContext } from "../lifecycle/resource-provider";

export const registryNamespaceInputs = adminInputs.extend({
    /** `mirror` */
    namespace: z.string(),
    /** Bytes. */
    quota: z.number().optional(),
    /** May a namespace that is there already be taken over? */
    adopt: z.boolean(),
    onRemove: z.enum(["keep", "delete"]),
});

export type RegistryNamespaceInputs = z.infer<typeof registryNamespaceInputs>;

export interface RegistryNamespaceOutputs extends RegistryNamespaceInputs {
    /** What the registry knows it by. */
    readonly namespaceId: string;
    /** It was there before this stack: it is never removed. */
    readonly adopted: boolean;
    /** What a refresh found different from what is wanted. */
    readonly differences: readonly string[];
    /** What would lose or block images there, as it was seen last. */
    readonly warnings: readonly string[];
    /** Those of them that a refresh found and no update has told yet. */
    readonly appeared: readonly string[];
}

/** The project or organization that all mirrored repositories live in. */
export const registryNamespaceProvider: ResourceProvider<RegistryNamespaceInputs, RegistryNamespaceOutputs> = {
    inputs: registryNamespaceInputs,
    secrets: ["credentials"],

    describeChanges: async (olds, news, log, signal) => {
        if (!news.adopt || olds.namespace !== undefined) return;
        const soon = AbortSignal.any([signal, AbortSignal.timeout(PREVIEW_MS)]);
        try {
            const found = await withManagement(impatient(news), soon, (management) =>
                management.namespaces.read(desiredState(news)),
            );
            if (found !== undefined) log.line("info", adoptionText(news, found));
        } catch (error) {
            log.line("warning", `what adopting ${placeOf(news)} would change is not known yet: ${errorMessage(error)}`);
        }
    },

    compare: (olds, news) => {
        const compared = ["registry", "credentials", "account", "namespace", "quota", "adopt", "onRemove"] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isMoved = olds.registry.mirrorBase !== news.registry.mirrorBase;
        const isDrifted = olds.differences.length > 0 || olds.appeared.length > 0;
        return { changes: isChanged || isDrifted, ...(isMoved ? { replaces: ["registry"] } : {}) };
    },

    create: async (inputs, { signal, log }) =>
        withManagement(inputs, signal, async (management) => {
            const { namespace, adopted } = await makeOrAdopt(management, inputs);
            warn(namespace, log);
            return { id: inputs.registry.mirrorBase, outs: outputsOf(inputs, namespace, adopted) };
        }),

    update: async (olds, news, { signal, log }) => {
        const isSame = isDeepStrictEqual(desiredState(olds), desiredState(news)) && olds.differences.length === 0;
        if (isSame) return { ...olds, ...news, appeared: [] };
        const known = { id: olds.namespaceId };
        const namespace = await withManagement(news, signal, ({ namespaces }) =>
            namespaces.update(known, desiredState(news)),
        );
        warn(namespace, log);
        return outputsOf(news, namespace, olds.adopted);
    },

    read: async (olds, { signal, log }) => {
        const { namespaceId, adopted, differences, warnings, appeared, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const found = await withManagement(inputs, signal, ({ namespaces }) => namespaces.read(desiredState(inputs)));
        if (found === undefined) return undefined;
        warn(found, log);
        if (found.id !== namespaceId) {
            const text = `${placeOf(olds)} was deleted and made again by somebody: its robot accounts went with it`;
            log.line("warning", text);
        }
        for (const difference of found.differences) log.line("warning", `${placeOf(olds)}: ${difference}`);
        const untold = found.warnings.filter((warning) => !warnings.includes(warning) || appeared.includes(warning));
        return { outs: { ...outputsOf(inputs, found, adopted), appeared: untold }, inputs };
    },

    remove: async (olds, { signal, log }) => {
        if (olds.onRemove === "keep") return;
        if (olds.adopted) {
            log.line("info", `${placeOf(olds)} stays: it was there before this stack`);
            return;
        }
        const known = { id: olds.namespaceId };
        await withManagement(olds, signal, ({ namespaces }) => namespaces.remove(known, desiredState(olds)));
    },
};

/** A preview asks, but does not wait for a registry that does not answer. */
const PREVIEW_MS = 10_000;

function impatient(inputs: RegistryNamespaceInputs): RegistryNamespaceInputs {
    return { ...inputs, registry: { ...inputs.registry, retrySeconds: 0 } };
}

function desiredState({ namespace, quota }: Pick<RegistryNamespaceInputs, "namespace" | "quota">): DesiredNamespace {
    return { name: namespace, ...(quota === undefined ? {} : { quota }) };
}

function outputsOf(
    inputs: RegistryNamespaceInputs,
    { id, differences, warnings }: Namespace,
    adopted: boolean,
): RegistryNamespaceOutputs {
    return { ...inputs, namespaceId: id, adopted, differences, warnings, appeared: [] };
}

/** "the project mirror" */
function placeOf({ registry, namespace }: Pick<AdminInputs, "registry"> & { readonly namespace: string }): string {
    return `the ${registryAdmin(registry.type).capabilities.namespaces ?? "namespace"} ${namespace}`;
}

function adoptionText(inputs: RegistryNamespaceInputs, { differences, warnings }: Namespace): string {
    const changes = differences.length === 0 ? ["nothing in it has to change"] : differences;
    return [`${placeOf(inputs)} is there already and is adopted:`, ...changes, ...warnings].join("\n    ");
}

async function makeOrAdopt(
    { namespaces }: RegistryManagement,
    inputs: RegistryNamespaceInputs,
): Promise<{ namespace: Namespace; adopted: boolean }> {
    const desired = desiredState(inputs);
    const before = await namespaces.read(desired);
    const created = before === undefined ? await namespaces.create(desired) : undefined;
    if (created !== undefined) return { namespace: created, adopted: false };
    const found = before ?? (await namespaces.read(desired));
    if (found === undefined) {
        throw new PassthroughError(`${placeOf(inputs)} is made and removed by somebody else at this moment`, {
            code: "NAMESPACE_UNSTABLE",
            fix: "run again",
        });
    }
    if (!found.isUntouched && !inputs.adopt) throw notOurs(inputs, found);
    const namespace = found.differences.length === 0 ? found : await namespaces.update(found, desired);
    return { namespace, adopted: !found.isUntouched };
}

function notOurs(inputs: RegistryNamespaceInputs, { differences }: Namespace): PassthroughError {
    const changes = differences.length === 0 ? "nothing in it" : differences.join("; ");
    return new PassthroughError(`${placeOf(inputs)} is there already, and this stack did not make it`, {
        code: "NAMESPACE_EXISTS",
        fix: `set site.registry.adopt: true to use it (that would change: ${changes}), or another site.registry.mirrorBase`,
    });
}

function warn({ warnings }: Namespace, log: OperationContext["log"]): void {
    for (const warning of warnings) log.line("warning", warning);
}
