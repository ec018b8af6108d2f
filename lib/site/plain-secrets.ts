import { isSecretKey, setCommand } from "./account-keys";
import type { ConfigIssue } from "./config-issue";

const PREFIX = "registry-passthrough:";

/**
 * Secrets that are set in plain text: the stack file shows them, and the engine, which does not know that they are
 * secret, would write them into the state as they are.
 * @param plain keys of the whole configuration whose values are not encrypted, with their namespaces
 * @param stack named in the commands that fix it
 */
export function plainSecretIssues(plain: readonly string[], stack: string): ConfigIssue[] {
    return plain
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => name.slice(PREFIX.length))
        .filter(isSecretKey)
        .map((key) => ({ key, problem: "it is a secret, and it is set in plain text", fix: encryptFix(key, stack) }));
}

function encryptFix(key: string, stack: string): string {
    const replace = "replace it where it is from if others could read that file, as in git";
    return `take it out of the stack file, ${replace}, and set it with: ${setCommand(key, stack) ?? ""}`;
}
