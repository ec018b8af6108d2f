import { isDeepStrictEqual } from "node:util";
import { registryAdmin } from "../lib/registries";
import { type RegistryInputs, endpointOf, hasMoved, registryInputs } from "./connection";
import type { Wait } from "../lib/oci/registry-client";
import type { Kind, Surroundings } from "./lifecycle";
import { ProgressRow } from "./progress-row";
import { credentialsOf } from "./settings";

export interface RegistryAccessOutputs extends RegistryInputs {
    /** What the registry leaves open, by its kind and as it was seen. */
    readonly notes: readonly string[];
}

/** The registry answers, over trusted TLS, and takes the account: proven before anything is sent to it. */
export const registryAccessKind: Kind<RegistryInputs, RegistryAccessOutputs> = {
    inputs: registryInputs,
    secrets: ["credentials"],

    announce: async (olds, news, log) => {
        if (olds.registry !== undefined) return;
        for (const gap of registryAdmin(news.registry.type).capabilities.gaps) log.line("warning", gap);
    },

    compare: (olds, news) => ({
        changes:
            !isDeepStrictEqual(olds.registry, news.registry) ||
            !isDeepStrictEqual(olds.credentials, news.credentials) ||
            olds.account !== news.account,
    }),

    create: async (inputs, surroundings) => ({
        id: inputs.registry.mirrorBase,
        outs: await prove(inputs, surroundings),
    }),

    update: async (_olds, news, surroundings) => prove(news, surroundings),

    read: async (olds, surroundings) => {
        const { notes, ...inputs } = olds;
        if (hasMoved(olds)) return { outs: olds, inputs };
        await prove(inputs, surroundings);
        return { outs: { ...inputs, notes }, inputs };
    },

    remove: async () => undefined,
};

async function prove(inputs: RegistryInputs, { signal, log }: Surroundings): Promise<RegistryAccessOutputs> {
    const row = new ProgressRow(log);
    const account = {
        endpoint: endpointOf(inputs),
        credentials: credentialsOf(inputs.account, inputs.credentials),
        retrySeconds: inputs.registry.retrySeconds,
        signal,
        onWait: (wait: Wait) => row.waiting(wait),
    };
    const health = await registryAdmin(inputs.registry.type)
        .check(account)
        .finally(() => row.stop());
    for (const note of health.notes) log.line("warning", note);
    return { ...inputs, notes: health.notes };
}
