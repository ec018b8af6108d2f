import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { DesiredRepositories } from "../../lib/registries";
import { adminInputs, hasMoved, withManagement } from "../registry/connection";
import type { ResourceProvider, OperationContext } from "../lifecycle/resource-provider";

export const repositorySetInputs = adminInputs.extend({
    namespace: z.string(),
    /** Names below the namespace, sorted. */
    repositories: z.array(z.string()),
    /** User names of the robot accounts. */
    importer: z.string(),
    puller: z.string(),
    onRemove: z.enum(["keep", "delete"]),
});

export type RepositorySetInputs = z.infer<typeof repositorySetInputs>;

export interface RepositorySetOutputs extends RepositorySetInputs {
    /** Those that this stack made: only they are ever removed. */
    readonly made: readonly string[];
    /** What a refresh found missing, and what it found different. */
    readonly missing: readonly string[];
    readonly differences: readonly string[];
}

/** The repositories that images are pushed to, made before, so that the robot account that pushes does not own them. */
export const repositorySetProvider: ResourceProvider<RepositorySetInputs, RepositorySetOutputs> = {
    inputs: repositorySetInputs,
    secrets: ["credentials"],

    describeChanges: async (olds, news, log) => {
        const coming = news.repositories.filter((name) => olds.repositories?.includes(name) !== true);
        if (coming.length > 0) log.line("info", `${coming.length} repositories are made if they are not there`);
    },

    compare: (olds, news) => {
        const compared = [
            "registry",
            "credentials",
            "account",
            "namespace",
            "repositories",
            "importer",
            "puller",
            "onRemove",
        ] as const;
        const isChanged = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        const isMoved = olds.registry.mirrorBase !== news.registry.mirrorBase;
        const changes = isChanged || olds.missing.length > 0 || olds.differences.length > 0;
        return { changes, ...(isMoved ? { replaces: ["registry"] } : {}) };
    },

    create: async (inputs, context) => ({
        id: `${inputs.registry.mirrorBase}#repositories`,
        outs: await ensure(inputs, [], context),
    }),

    update: async (olds, news, context) => {
        const isSame = isDeepStrictEqual(desiredState(olds), desiredState(news));
        if (isSame && olds.missing.length === 0 && olds.differences.length === 0) return { ...olds, ...news };
        return ensure(news, olds.made, context);
    },

    read: async (olds, { signal, log }) => {
        const { made, missing: missingBefore, differences: differencesBefore, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        const { missing, differences, warnings } = await withManagement(inputs, signal, async ({ repositories }) => {
            return (await repositories?.read(desiredState(inputs))) ?? { missing: [], differences: [], warnings: [] };
        });
        for (const name of missing) log.line("warning", `the repository ${name} is not there`);
        for (const text of [...differences, ...warnings]) log.line("warning", text);
        return { outs: { ...inputs, made, missing, differences }, inputs };
    },

    remove: async (olds, { signal }) => {
        const { made: names, namespace, onRemove } = olds;
        if (onRemove === "keep" || names.length === 0) return;
        await withManagement(olds, signal, async ({ repositories }) => repositories?.remove({ namespace, names }));
    },
};

function desiredState({ namespace, repositories, importer, puller }: RepositorySetInputs): DesiredRepositories {
    return { namespace, names: repositories, importer, puller };
}

async function ensure(
    inputs: RepositorySetInputs,
    before: readonly string[],
    { signal, log }: OperationContext,
): Promise<RepositorySetOutputs> {
    const made = await withManagement(inputs, signal, async ({ repositories }) =>
        repositories?.ensure(desiredState(inputs), (done, of) => log.status(`${done} of ${of} repositories`)),
    );
    const all = [...new Set([...before, ...(made ?? [])])].sort();
    return { ...inputs, made: all, missing: [], differences: [] };
}
