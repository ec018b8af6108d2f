import { RegistryError } from "../../lib/errors/errors";
import { installationPaths } from "../../lib/installers";
import type { RegistryInstallationInputs } from "./kind";

/** Which file has the administrator's password, for people: "/opt/registry/secrets.json on host.example". */
export function passwordFile({ host, directory }: Pick<RegistryInstallationInputs, "host" | "directory">): string {
    return `${installationPaths({ directory }).secrets} on ${host.address}`;
}

export function isRejected(error: unknown): error is RegistryError {
    return error instanceof RegistryError && error.code === "UNAUTHORIZED";
}

/**
 * The same error, with what helps where the administrator's password was rejected: the stack's settings, which the registry's
 * own error names, have no account of an installed registry.
 * @param file with the password; undefined: the registry is not installed by this program
 */
export function explainRejectedPassword(error: unknown, file: string | undefined): unknown {
    if (file === undefined || !isRejected(error)) return error;
    const { registry, operation, status, problem } = error;
    return new RegistryError(problem, {
        ...{ registry, operation, status, code: "UNAUTHORIZED", cause: error },
        fix:
            "run again, since a registry that has just started may reject the right password; if it goes on, somebody has " +
            `changed it: change it back, in the registry's web interface, to the one in ${file} (only root can read it)`,
    });
}
