import { registryAdmin } from "../../lib/registries";
import { type CommonOutputs, changedInputs, comparedInputs, storedInputs } from "../lifecycle/resource-kind";
import { adminAccount, hasMoved, replacedRegistry } from "../registry/connection";
import type { AdminInputs } from "../registry/registry-kind";
import type { RegistryProvider } from "../registry/registry-process";
import { type RegistrySuperuserInputs, registrySuperuserKind as kind } from "./kind";

export interface RegistrySuperuserOutputs extends RegistrySuperuserInputs, CommonOutputs {}

const COMPARED = comparedInputs(kind);

/**
 * The superuser's name that a fresh installation leaves to whoever registers it first. The account stays when the resource
 * is removed: a name that is free again would be the same hole again.
 */
export const registrySuperuserProvider: RegistryProvider<RegistrySuperuserInputs, RegistrySuperuserOutputs> = {
    ...kind,

    describeChanges: async (olds, news, { log }) => {
        if (olds.superuserPassword !== undefined) return;
        log.line("info", `the user name ${superuser(news).username} is registered, unless that was done before`);
    },

    compare: (olds, news) => {
        const replaces = replacedRegistry(olds, news);
        const changes = changedInputs(olds, news, COMPARED).length > 0;
        return { changes, ...(replaces.length > 0 ? { replaces } : {}) };
    },

    create: async (inputs, context) => {
        await superuser(inputs).claim(adminAccount(inputs, context), inputs.superuserPassword);
        return { id: `${inputs.registry.mirrorBase}#${superuser(inputs).username}`, outs: inputs };
    },

    update: async (olds, news, context) => {
        if (olds.gone === true || olds.superuserPassword !== news.superuserPassword) {
            await superuser(news).claim(adminAccount(news, context), news.superuserPassword);
        }
        return news;
    },

    read: async (olds, context) => {
        const inputs = storedInputs(kind, olds);
        if (hasMoved(olds, context)) return { outs: olds, inputs };
        if (await superuser(olds).isTaken(adminAccount(olds, context))) return { outs: inputs, inputs };
        const { username } = superuser(olds);
        context.log.line("warning", `the user name ${username} is free; the next \`npm run up\` registers it again`);
        return { outs: { ...inputs, gone: true }, inputs };
    },

    remove: async () => undefined,
};

function superuser({ registry }: Pick<AdminInputs, "registry">) {
    const admin = registryAdmin(registry.type).superuser;
    if (admin === undefined) throw new Error(`${registry.type} has no superuser whose name is free`);
    return admin;
}
