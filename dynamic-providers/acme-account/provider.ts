import { changeContact, registerAccount } from "../../lib/acme/account";
import { newAccountKey } from "../../lib/acme/jws";
import { changedInputs, storedInputs } from "../lifecycle/resource-kind";
import type { RegistryProvider } from "../registry/registry-process";
import { type AcmeAccountInputs as Inputs, type AcmeAccountOutputs as Outputs, acmeAccountKind as kind } from "./kind";

/**
 * An account at an ACME server, whose key is in state alone: it outlives the certificates, since servers bind it to an
 * account of somebody only once. It stays at the server when it leaves the state.
 */
export const acmeAccountProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    // Another CA is another trust in the server, and no change of the account.
    compare: (olds, news) => ({ changes: changedInputs(olds, news, ["directory", "ca", "email"]).length > 0 }),

    create: async (inputs, { signal }) => ({ id: inputs.directory, outs: await register(inputs, signal) }),

    update: async (olds, news, { signal }) => {
        if (olds.directory !== news.directory) return register(news, signal);
        if (olds.email !== news.email) await changeContact(news, olds, news.email, signal);
        return { ...olds, ...news };
    },

    read: async (olds) => ({ outs: olds, inputs: storedInputs<Inputs>(kind, olds) }),

    remove: async () => undefined,
};

async function register(inputs: Inputs, signal: AbortSignal): Promise<Outputs> {
    const { url, key } = await registerAccount(inputs, { ...inputs, key: newAccountKey() }, signal);
    return { ...inputs, url, key };
}
