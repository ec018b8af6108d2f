import { randomBytes } from "node:crypto";
import type { Wait } from "../../lib/distribution/client/registry-client";
import { explainRemovedCa, registryAdmin } from "../../lib/registries";
import { ProgressRow } from "../lifecycle/progress-row";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { explainRejectedPassword } from "../registry-installation/rejected-password";
import { adminAccount, hasMoved, replacedRegistry } from "../registry/connection";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import { siteChanges } from "./changes";
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
        for (const text of siteChanges(olds, news)) log.line("info", text);
        const known = olds.registry === undefined ? [] : registryGaps(olds.registry);
        for (const gap of registryGaps(news.registry)) if (!known.includes(gap)) log.line("warning", gap);
    },

    compare: (olds, news) => ({ changes: changedInputs(olds, news, COMPARED).length > 0 }),

    create: async (inputs, context) => ({
        id: inputs.registry.mirrorBase,
        outs: await check(inputs, undefined, context),
    }),

    update: async (olds, news, context) => check(news, olds, context),

    read: async (olds, context) => {
        const inputs = storedInputs(kind, olds);
        if (!hasMoved(olds, context)) await check(inputs, olds, context);
        return { outs: olds, inputs };
    },

    remove: async () => undefined,
};

/** What the registry lacks by its kind. An instance for pushes alone is there to close the gap of the kinds that it is for. */
function registryGaps({ type, pushHost }: RegistryAccessInputs["registry"]): readonly string[] {
    return pushHost === undefined ? registryAdmin(type).capabilities.gaps : [];
}

/** @param olds undefined: there is no state yet */
async function check(
    inputs: RegistryAccessInputs,
    olds: RegistryAccessOutputs | undefined,
    context: RegistryContext,
): Promise<RegistryAccessOutputs> {
    const row = new ProgressRow(context.log);
    const account = { ...adminAccount(inputs, context), onWait: (wait: Wait) => row.waiting(wait) };
    const { prefix } = context.process.settings.registry(inputs).mirror;
    const formerCa = olds !== undefined && replacedRegistry(olds, inputs).length === 0 ? olds.registry.ca : undefined;
    const { notes, version } = await registryAdmin(inputs.registry.type)
        .check(account, prefix)
        .catch(async (error: unknown) => {
            const file = context.process.passwordFiles.get(inputs.registry.mirrorBase);
            throw explainRejectedPassword(await explainRemovedCa(error, account, formerCa), file);
        })
        .finally(() => row.stop());
    for (const note of notes) context.log.line("warning", note);
    return { ...inputs, notes, version };
}
