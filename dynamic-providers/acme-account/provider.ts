import { changeContact, registerAccount } from "../../lib/acme/account";
import { newAccountKey } from "../../lib/acme/jws";
import { errorMessage } from "../../lib/errors/errors";
import { errorCodes } from "../../lib/errors/failure-kind";
import { changedInputs, storedInputs } from "../lifecycle/resource-kind";
import { PartialState } from "../lifecycle/resource-provider";
import type { RegistryProvider } from "../registry/registry-process";
import { type AcmeAccountInputs as Inputs, type AcmeAccountOutputs as Outputs, acmeAccountKind as kind } from "./kind";

/**
 * An account at an ACME server, whose key is in state alone: it outlives the certificates, since servers bind it to an
 * account of somebody only once. It stays at the server when it leaves the state.
 */
export const acmeAccountProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    // Another CA is another trust in the server, and no change of the account.
    compare: (olds, news) => ({
        changes: changedInputs(olds, news, ["directory", "ca", "email"]).length > 0 || olds.url === "",
    }),

    create: async (inputs, { signal }) => ({
        id: inputs.directory,
        outs: await register(inputs, newAccountKey(), signal),
    }),

    update: async (olds, news, { signal }) => {
        if (olds.directory !== news.directory) return register(news, newAccountKey(), signal);
        // The server may have the account, and its answer was lost: the same key leads to it.
        if (olds.url === "") return register(news, olds.key, signal);
        if (olds.email !== news.email) await changeContact(news, olds, news.email, signal);
        return { ...news, url: olds.url, key: olds.key };
    },

    read: async (olds) => ({ outs: olds, inputs: storedInputs<Inputs>(kind, olds) }),

    remove: async () => undefined,
};

/** @throws PartialState with the key: an external account is bound to one key only, and only once */
async function register(inputs: Inputs, key: string, signal: AbortSignal): Promise<Outputs> {
    try {
        const { url } = await registerAccount(inputs, { ...inputs, key }, signal);
        return { ...inputs, url, key };
    } catch (error) {
        throw new PartialState(inputs.directory, { ...inputs, url: "", key }, [errorMessage(error)], errorCodes(error));
    }
}
