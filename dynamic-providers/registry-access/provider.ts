import { randomBytes } from "node:crypto";
import type { Wait } from "../../lib/distribution/client/registry-client";
import { registryAdmin } from "../../lib/registries";
import { ProgressRow } from "../lifecycle/progress-row";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { adminAccount, hasMoved } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { type RegistryAccessInputs, registryAccessKind as kind } from "./kind";

export interface RegistryAccessOutputs extends RegistryAccessInputs, CommonOutputs {
    /** What the registry leaves open, by its kind and as it was found. */
    readonly notes: readonly string[];
    /** As the registry reports it. */
    readonly version?: string | undefined;
}

const COMPARED = comparedInputs(kind);

/** The registry answers, over trusted TLS, and accepts the account: proven before anything is sent to it. */
export const registryAccessProvider: RegistryProvider<RegistryAccessInputs, RegistryAccessOutputs> = {
    ...kind,

    normalizeInputs: (olds, news) => {
        if (!registryAdmin(news.registry.type).capabilities.robotAccounts) return news;
        return { ...news, instance: olds.instance ?? randomBytes(4).toString("hex") };
    },

    describeChanges: async (olds, news, { log }) => {
        if (olds.registry?.type === news.registry.type) return;
        for (const gap of registryAdmin(news.registry.type).capabilities.gaps) log.line("warning", gap);
    },

    compare: (olds, news) => ({ changes: changedInputs(olds, news, COMPARED).length > 0 }),

    create: async (inputs, context) => ({
        id: inputs.registry.mirrorBase,
        outs: await check(inputs, context),
    }),

    update: async (_olds, news, context) => check(news, context),

    read: async (olds, context) => {
        const inputs = storedInputs(kind, olds);
        if (!hasMoved(olds, context)) await check(inputs, context);
        return { outs: olds, inputs };
    },

    remove: async () => undefined,
};

async function check(inputs: RegistryAccessInputs, context: RegistryContext): Promise<RegistryAccessOutputs> {
    const row = new ProgressRow(context.log);
    const account = { ...adminAccount(inputs, context), onWait: (wait: Wait) => row.waiting(wait) };
    const { prefix } = context.process.settings.registry(inputs).mirror;
    const { notes, version } = await registryAdmin(inputs.registry.type)
        .check(account, prefix)
        .finally(() => row.stop());
    for (const note of notes) context.log.line("warning", note);
    return { ...inputs, notes, version };
}
