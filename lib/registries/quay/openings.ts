import type { RegistryEndpoint } from "../../distribution/http/transport";
import { certificateNotes } from "../certificate-expiry";
import type { QuayApi } from "./quay-api";
import type { QuaySettings } from "./site-config";
import { isTaken } from "./superuser";

/** The superuser that mirror-registry's own configuration names, and that its installer does not make. */
export const FREE_SUPERUSER = "admin";

/** What a Quay leaves open, each with its fix, as sentences without times or counts. */
export async function openings(
    api: QuayApi,
    settings: QuaySettings,
    endpoint: RegistryEndpoint,
    superuser: string | undefined,
): Promise<string[]> {
    const notes: string[] = [];
    const canRegister =
        settings.has("USER_CREATION") && settings.hasOwnAccounts && !settings.has("INVITE_ONLY_USER_CREATION");
    if (canRegister && superuser !== undefined && !(await isTaken(api, superuser))) {
        notes.push(
            `no account has the user name ${superuser}, which this registry takes for a superuser: whoever reaches it may ` +
                "register it and owns everything then; set superuserPassword and run `npm run up`, or set FEATURE_USER_CREATION: false",
        );
    }
    if (canRegister) {
        notes.push(
            "anybody who reaches the registry may register an account; set FEATURE_USER_CREATION: false in its config.yaml",
        );
    }
    if (settings.has("ANONYMOUS_ACCESS")) {
        notes.push(
            "the registry answers without credentials: anybody who reaches it may pull what is public; " +
                "set FEATURE_ANONYMOUS_ACCESS: false in its config.yaml",
        );
    }
    if (settings.isReadOnly) {
        notes.push("the registry is read-only: nothing can be imported; set REGISTRY_STATE: normal in its config.yaml");
    }
    return [...notes, ...(await certificateNotes(endpoint))];
}
