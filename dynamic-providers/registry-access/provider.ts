import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { registryAdmin } from "../../lib/registries";
import { adminAccount, adminInputs, currentRegistry, hasMoved } from "../registry/connection";
import type { Wait } from "../../lib/distribution/client/registry-client";
import type { ResourceProvider, OperationContext } from "../lifecycle/resource-provider";
import { ProgressRow } from "../lifecycle/progress-row";

export const registryAccessInputs = adminInputs.extend({
    /** What tells this stack's robot accounts from those of every other one, whatever its name. */
    instance: z.string().optional(),
});

export type RegistryAccessInputs = z.infer<typeof registryAccessInputs>;

export interface RegistryAccessOutputs extends RegistryAccessInputs {
    /** What the registry leaves open, by its kind and as it was seen. */
    readonly notes: readonly string[];
    /** As the registry tells it. */
    readonly version?: string | undefined;
}

/** The registry answers, over trusted TLS, and takes the account: proven before anything is sent to it. */
export const registryAccessProvider: ResourceProvider<RegistryAccessInputs, RegistryAccessOutputs> = {
    inputs: registryAccessInputs,
    secrets: ["credentials"],

    normalizeInputs: (olds, news) => {
        if (!registryAdmin(news.registry.type).capabilities.robotAccounts) return news;
        return { ...news, instance: olds.instance ?? randomBytes(4).toString("hex") };
    },

    describeChanges: async (olds, news, log) => {
        if (olds.registry?.type === news.registry.type) return;
        for (const gap of registryAdmin(news.registry.type).capabilities.gaps) log.line("warning", gap);
    },

    compare: (olds, news) => {
        const compared = ["registry", "credentials", "account", "instance"] as const;
        return { changes: compared.some((name) => !isDeepStrictEqual(olds[name], news[name])) };
    },

    create: async (inputs, context) => ({
        id: inputs.registry.mirrorBase,
        outs: await prove(inputs, context),
    }),

    update: async (_olds, news, context) => prove(news, context),

    read: async (olds, context) => {
        const { notes, version, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        await prove(inputs, context);
        return { outs: { ...inputs, notes, version }, inputs };
    },

    remove: async () => undefined,
};

async function prove(inputs: RegistryAccessInputs, { signal, log }: OperationContext): Promise<RegistryAccessOutputs> {
    const row = new ProgressRow(log);
    const account = { ...adminAccount(inputs, signal), onWait: (wait: Wait) => row.waiting(wait) };
    const { notes, version } = await registryAdmin(inputs.registry.type)
        .check(account, currentRegistry(inputs).mirror.prefix)
        .finally(() => row.stop());
    for (const note of notes) log.line("warning", note);
    return { ...inputs, notes, version };
}
