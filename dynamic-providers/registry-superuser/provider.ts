import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { registryAdmin } from "../../lib/registries";
import { type AdminInputs, adminAccount, adminInputs, hasMoved } from "../registry/connection";
import type { ResourceProvider } from "../lifecycle/resource-provider";

export const registrySuperuserInputs = adminInputs.extend({
    /** Secret: what the name is taken with. */
    superuserPassword: z.string(),
});

export type RegistrySuperuserInputs = z.infer<typeof registrySuperuserInputs>;

/**
 * The superuser's name that a fresh installation leaves to whoever comes first, taken. The account stays when the
 * resource goes: a name that is free again would be the hole again.
 */
export const registrySuperuserProvider: ResourceProvider<RegistrySuperuserInputs, RegistrySuperuserInputs> = {
    inputs: registrySuperuserInputs,
    secrets: ["credentials", "superuserPassword"],

    describeChanges: async (olds, news, log) => {
        if (olds.superuserPassword !== undefined) return;
        log.line("info", `the user name ${superuserOf(news).username} is taken, unless it is ours already`);
    },

    compare: (olds, news) => {
        const compared = ["registry", "credentials", "account", "superuserPassword"] as const;
        const isMoved = olds.registry.mirrorBase !== news.registry.mirrorBase;
        const changes = compared.some((name) => !isDeepStrictEqual(olds[name], news[name]));
        return { changes, ...(isMoved ? { replaces: ["registry"] } : {}) };
    },

    create: async (inputs, { signal }) => {
        await superuserOf(inputs).claim(adminAccount(inputs, signal), inputs.superuserPassword);
        return { id: `${inputs.registry.mirrorBase}#${superuserOf(inputs).username}`, outs: inputs };
    },

    update: async (olds, news, { signal }) => {
        if (olds.superuserPassword !== news.superuserPassword) {
            await superuserOf(news).claim(adminAccount(news, signal), news.superuserPassword);
        }
        return { ...olds, ...news };
    },

    read: async (olds, { signal }) => {
        if (hasMoved(olds)) return { outs: olds, inputs: olds };
        const isTaken = await superuserOf(olds).isTaken(adminAccount(olds, signal));
        return isTaken ? { outs: olds, inputs: olds } : undefined;
    },

    remove: async () => undefined,
};

function superuserOf({ registry }: Pick<AdminInputs, "registry">) {
    const { superuser } = registryAdmin(registry.type);
    if (superuser === undefined) throw new Error(`${registry.type} has no free superuser`);
    return superuser;
}
