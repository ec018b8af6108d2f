import { isDeepStrictEqual } from "node:util";
import { errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import type { DesiredRepositories } from "../../lib/registries";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import { hasMoved, replacedRegistry, withManagement } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type RepositorySetInputs, repositorySetKind as kind } from "./kind";

export interface RepositorySetOutputs extends RepositorySetInputs, CommonOutputs {
    /** Repositories that this stack created: only they are ever removed. */
    readonly made: readonly string[];
    /** Repositories that a refresh found missing. */
    readonly missing: readonly string[];
    /** What a refresh found different from the inputs. */
    readonly differences: readonly string[];
}

const COMPARED = comparedInputs(kind);

/** The repositories that images are pushed to, created before, so that the robot account that pushes does not own them. */
export const repositorySetProvider: RegistryProvider<RepositorySetInputs, RepositorySetOutputs> = {
    ...kind,

    describeChanges: async (olds, news, { log }) => {
        const added = news.repositories.filter((name) => olds.repositories?.includes(name) !== true);
        if (added.length > 0) log.line("info", `${added.length} repositories are created if they do not exist`);
    },

    compare: (olds, news) => {
        const isChanged = changedInputs(olds, news, COMPARED).length > 0;
        const changes = isChanged || olds.missing.length > 0 || olds.differences.length > 0;
        const replaces = replacedRegistry(olds, news);
        return { changes, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, context) => ({
        id: resourceId(inputs),
        outs: await ensure(inputs, [], context),
    }),

    update: async (olds, news, context) => {
        const isSame = isDeepStrictEqual(desiredState(olds), desiredState(news));
        if (isSame && olds.missing.length === 0 && olds.differences.length === 0) return { ...olds, ...news };
        const leaving = olds.made.filter((name) => !news.repositories.includes(name));
        if (news.onRemove === "delete" && leaving.length > 0) {
            // Their images are removed after this update.
            context.process.emptiedRepositories.set(news.registry.mirrorBase, () =>
                removeEmpty(news, leaving, context),
            );
        }
        return ensure(news, olds.made, context);
    },

    read: async (olds, context) => {
        const inputs = storedInputs(kind, olds);
        if (hasMoved(olds, context)) return { outs: olds, inputs };
        const successors = context.process.createdRobots.get(inputs.registry.mirrorBase) ?? [];
        const { missing, differences, warnings } = await withManagement(inputs, context, async ({ repositories }) => {
            const found = await repositories?.read({ ...desiredState(inputs), successors });
            return found ?? { missing: [], differences: [], warnings: [] };
        });
        for (const name of missing) context.log.line("warning", `the repository ${name} does not exist`);
        for (const text of [...differences, ...warnings]) context.log.line("warning", text);
        return { outs: { ...inputs, made: olds.made, missing, differences }, inputs };
    },

    remove: async (olds, context) => {
        if (context.process.removalRule(olds) === "keep" || olds.made.length === 0) return;
        await removeEmpty(olds, olds.made, context);
    },
};

/** What the state has as a difference after a run that ended early: the next update creates and corrects the rest. */
const UNFINISHED = "an earlier run ended before all repositories were created";

function resourceId({ registry }: RepositorySetInputs): string {
    return `${registry.mirrorBase}#repositories`;
}

async function removeEmpty(
    inputs: RepositorySetInputs,
    names: readonly string[],
    context: RegistryContext,
): Promise<void> {
    const { namespace } = inputs;
    await withManagement(inputs, context, async ({ repositories }) => repositories?.remove({ namespace, names }));
}

function desiredState({ namespace, repositories, importer, puller }: RepositorySetInputs): DesiredRepositories {
    return { namespace, names: repositories, importer, puller };
}

async function ensure(
    inputs: RepositorySetInputs,
    before: readonly string[],
    context: RegistryContext,
): Promise<RepositorySetOutputs> {
    const attempted: string[] = [];
    const listeners = {
        onProgress: (done: number, of: number) => context.log.status(`${done} of ${of} repositories`),
        onCreate: (name: string) => attempted.push(name),
    };
    const withCreated = (created: readonly string[]) => [...new Set([...before, ...created])].sort();
    try {
        const created = await withManagement(inputs, context, async ({ repositories }) =>
            repositories?.ensure(desiredState(inputs), listeners),
        );
        return { ...inputs, made: withCreated(created ?? []), missing: [], differences: [] };
    } catch (error) {
        if (attempted.length === 0) throw error;
        const known = { made: withCreated(attempted), missing: [], differences: [UNFINISHED] };
        throw new PartialState(resourceId(inputs), known, [errorMessage(error)], errorCodes(error));
    }
}
