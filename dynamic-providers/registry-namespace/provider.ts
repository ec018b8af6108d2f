import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import {
    type DesiredNamespace,
    type ListedRobot,
    type Namespace,
    type RegistryManagement,
    registryAdmin,
} from "../../lib/registries";
import type { ResourceLog } from "../lifecycle/engine";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasMoved, isMoving, replacedRegistry, withManagement } from "../registry/connection";
import type { AdminInputs } from "../registry/registry-kind";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { isRobotName, movedLines, unmanagedLines } from "../robot-account/description";
import { type RegistryNamespaceInputs, registryNamespaceKind as kind } from "./kind";

export interface RegistryNamespaceOutputs extends RegistryNamespaceInputs, CommonOutputs {
    /** The registry's own id. */
    readonly namespaceId: string;
    /** It existed before this stack: it is never removed. */
    readonly adopted: boolean;
    /** What a refresh found different from the inputs. */
    readonly differences: readonly string[];
    /** Settings there that would lose or block images, as they were found last. */
    readonly warnings: readonly string[];
    /** Those of them that a refresh found and no update has reported yet. */
    readonly appeared: readonly string[];
}

const COMPARED = comparedInputs(kind);

/** The project or organization that all mirrored repositories are in. */
export const registryNamespaceProvider: RegistryProvider<RegistryNamespaceInputs, RegistryNamespaceOutputs> = {
    ...kind,

    describeChanges: async (olds, news, context) => {
        if (isMoving(olds, news) && olds.registry !== undefined)
            context.process.formerRegistries.set(news.selfUrn, olds.registry.mirrorBase);
        // Another program may give credentials that are only known in the update.
        if (olds.namespace !== undefined || !kind.inputs.shape.credentials.safeParse(news.credentials).success) return;
        const { log } = context;
        const found = await findForPreview(news, context).catch((error: unknown) => {
            // Without adoption nothing else is asked before the update, which reports the error itself.
            if (news.adopt)
                log.line("warning", `whether ${place(news)} exists is not known yet: ${errorMessage(error)}`);
        });
        if (found === undefined || found.namespace.isUntouched) return;
        if (!news.adopt) throw existsAlready(news, found.namespace);
        context.process.adoptedNamespaces.add(news.registry.mirrorBase);
        log.line("info", adoptionText(news, found, context.process.formerRegistries.get(news.selfUrn)));
    },

    compare: (olds, news) => {
        const isChanged = changedInputs(olds, news, COMPARED).length > 0;
        const isDrifted = olds.differences.length > 0 || olds.appeared.length > 0;
        const replaces = replacedRegistry(olds, news);
        return { changes: isChanged || isDrifted, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, context) => ({
        id: inputs.registry.mirrorBase,
        outs: await createOrAdopt(inputs, context),
    }),

    update: async (olds, news, context) => {
        if (olds.gone === true) return createOrAdopt(news, context);
        const isSame = isDeepStrictEqual(desiredState(olds), desiredState(news)) && olds.differences.length === 0;
        if (isSame) return { ...olds, ...news, appeared: [] };
        const known = { id: olds.namespaceId };
        const namespace = await withManagement(news, context, ({ namespaces }) =>
            namespaces.update(known, desiredState(news)),
        );
        logWarnings(namespace, context.log);
        noteForImages(news, namespace, context);
        return outputs(news, namespace, olds.adopted);
    },

    read: async (olds, context) => {
        const inputs = storedInputs(kind, olds);
        if (hasMoved(olds, context)) return { outs: olds, inputs };
        const { log } = context;
        const found = await withManagement(inputs, context, ({ namespaces }) => namespaces.read(desiredState(inputs)));
        if (found === undefined) {
            log.line("warning", `${place(olds)} was deleted; the next \`npm run up\` creates it again`);
            return { outs: { ...olds, gone: true }, inputs };
        }
        logWarnings(found, log);
        noteForImages(inputs, found, context);
        offerListing(inputs, context);
        if (found.id !== olds.namespaceId) {
            log.line("warning", `${place(olds)} was deleted and created again: its robot accounts are gone`);
        }
        for (const difference of found.differences) log.line("warning", `${place(olds)}: ${difference}`);
        const { warnings, appeared } = olds;
        const unreported = found.warnings.filter((text) => !warnings.includes(text) || appeared.includes(text));
        return { outs: { ...outputs(inputs, found, olds.adopted), appeared: unreported }, inputs };
    },

    remove: async (olds, context) => {
        if (context.process.removalRule(olds) === "keep" || olds.gone === true) return;
        if (olds.adopted) {
            context.log.line("info", `${place(olds)} is kept: it existed before this stack`);
            return;
        }
        const known = { id: olds.namespaceId };
        await withManagement(olds, context, ({ namespaces }) => namespaces.remove(known, desiredState(olds)));
    },
};

/** A preview asks, but does not wait for a registry that does not answer. */
const PREVIEW_MS = 10_000;

/** A namespace that a new stack finds, with the robot accounts that may be of an earlier one. */
interface FoundForPreview {
    readonly namespace: Namespace;
    readonly robots: readonly ListedRobot[];
}

function findForPreview(
    inputs: RegistryNamespaceInputs,
    context: RegistryContext,
): Promise<FoundForPreview | undefined> {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PREVIEW_MS)]);
    const find = async ({ namespaces, robots }: RegistryManagement) => {
        const namespace = await namespaces.read(desiredState(inputs));
        if (namespace === undefined) return undefined;
        const isAdopted = inputs.adopt && !namespace.isUntouched;
        return { namespace, robots: isAdopted ? await robots.list(inputs.namespace, isRobotName) : [] };
    };
    return withManagement(inputs, context, find, { signal, retrySeconds: 0 });
}

function desiredState({ namespace, quota }: Pick<RegistryNamespaceInputs, "namespace" | "quota">): DesiredNamespace {
    return { name: namespace, ...(quota === undefined ? {} : { quota }) };
}

function outputs(
    inputs: RegistryNamespaceInputs,
    { id, differences, warnings }: Namespace,
    adopted: boolean,
): RegistryNamespaceOutputs {
    return { ...inputs, namespaceId: id, adopted, differences, warnings, appeared: [] };
}

/** "the project mirror" */
function place({ registry, namespace }: Pick<AdminInputs, "registry"> & { readonly namespace: string }): string {
    return `the ${registryAdmin(registry.type).capabilities.namespaces ?? "namespace"} ${namespace}`;
}

/** @param former `mirrorBase` of the registry that the site leaves, if it moves */
function adoptionText(
    inputs: RegistryNamespaceInputs,
    { namespace, robots }: FoundForPreview,
    former: string | undefined,
): string {
    const { differences, warnings } = namespace;
    const changes = differences.length === 0 ? ["nothing in it has to change"] : differences;
    const now = new Date();
    const stack = stackOf(inputs);
    const accounts = former === undefined ? unmanagedLines(robots, now) : movedLines(robots, { stack, former, now });
    return [`${place(inputs)} already exists and is adopted:`, ...changes, ...warnings, ...accounts].join("\n    ");
}

/** The stack that a resource is of: the second part of its URN (`urn:pulumi:<stack>::<project>::…`). */
function stackOf({ selfUrn }: Pick<RegistryNamespaceInputs, "selfUrn">): string {
    return selfUrn.split("::")[0]?.split(":")[2] ?? "";
}

async function createOrAdopt(
    inputs: RegistryNamespaceInputs,
    context: RegistryContext,
): Promise<RegistryNamespaceOutputs> {
    const { namespace, adopted } = await withManagement(inputs, context, (management) =>
        findOrCreate(management, inputs),
    );
    logWarnings(namespace, context.log);
    noteForImages(inputs, namespace, context);
    return outputs(inputs, namespace, adopted);
}

async function findOrCreate(
    { namespaces }: RegistryManagement,
    inputs: RegistryNamespaceInputs,
): Promise<{ namespace: Namespace; adopted: boolean }> {
    const desired = desiredState(inputs);
    const before = await namespaces.read(desired);
    const created = before === undefined ? await namespaces.create(desired) : undefined;
    if (created !== undefined) return { namespace: created, adopted: false };
    const found = before ?? (await namespaces.read(desired));
    if (found === undefined) {
        throw new PassthroughError("it is created and deleted by someone else at this moment", {
            code: "CONFLICT",
            thing: place(inputs),
            fix: "run again",
        });
    }
    if (!found.isUntouched && !inputs.adopt) throw existsAlready(inputs, found);
    const namespace = found.differences.length === 0 ? found : await namespaces.update(found, desired);
    return { namespace, adopted: !found.isUntouched };
}

function existsAlready(inputs: RegistryNamespaceInputs, { differences }: Namespace): PassthroughError {
    const changes = differences.length === 0 ? "nothing in it" : differences.join("; ");
    return new PassthroughError("it already exists, and this stack did not create it", {
        code: "NAMESPACE_EXISTS",
        thing: place(inputs),
        fix: `set site.registry.adopt: true to use it (that would change: ${changes}), or another site.registry.mirrorBase`,
    });
}

/** For the images, which come after it in the same run. */
function noteForImages(
    { registry }: Pick<AdminInputs, "registry">,
    { hasImmutableTags, room }: Namespace,
    { process }: RegistryContext,
): void {
    if (hasImmutableTags) process.immutableTags.add(registry.mirrorBase);
    if (room === undefined) process.rooms.delete(registry.mirrorBase);
    else process.rooms.set(registry.mirrorBase, room);
}

/** A busy registry is not waited for: what no page lists is asked for one by one. */
const PAGES_RETRY_SECONDS = 10;

/** For the refresh of images, which comes after it in the same run. */
function offerListing(inputs: RegistryNamespaceInputs, { process }: RegistryContext): void {
    const changes = { retrySeconds: PAGES_RETRY_SECONDS };
    process.listings.set(inputs.registry.mirrorBase, (wanted, context) =>
        withManagement(
            inputs,
            context,
            async ({ content }) => (await content?.list(inputs.namespace, wanted)) ?? new Map<string, never>(),
            changes,
        ),
    );
}

function logWarnings({ warnings }: Namespace, log: ResourceLog): void {
    for (const warning of warnings) log.line("warning", warning);
}
