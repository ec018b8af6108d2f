import { secretCommand } from "./account-keys";
import type { ConfigIssue } from "./config-issue";
import { flatKeys } from "./issues";

/**
 * Secrets that are set in plain text: the stack file shows them, and the engine, which does not know that they are
 * secret, would write them into the state as they are.
 * @param plain keys of the whole configuration whose values are not encrypted, with their namespaces
 * @param stack named in the commands that fix it
 */
export function plainSecretIssues(plain: readonly string[], stack: string): ConfigIssue[] {
    return flatKeys(plain).flatMap((key) => {
        const command = secretCommand(key, stack);
        return command === undefined ? [] : [plainSecret(key, command)];
    });
}

function plainSecret(key: string, command: string): ConfigIssue {
    const replace = "replace it where it is from if others could read that file, as in git";
    const fix = `take it out of the stack file, ${replace}, and set it with: ${command}`;
    return { key, problem: "it is a secret, and it is set in plain text", fix };
}
