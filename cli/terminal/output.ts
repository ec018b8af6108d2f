import type { Credentials } from "../../lib/http/credentials";
import { withoutSecrets as hideSecrets, secretForms } from "../../lib/redaction/redaction";
import { escapedLines } from "../../lib/errors/text";

const secrets = new Set<string>();

/** From now on the account's password is hidden in everything that is printed, in any form that it travels in. */
export function keepSecret(credentials: Credentials): void {
    keepSecretTexts(secretForms(credentials));
}

/** From now on these texts are hidden in everything that is printed. */
export function keepSecretTexts(texts: readonly string[]): void {
    for (const text of texts) if (text !== "") secrets.add(text);
}

/** The text without the passwords of the accounts in use. */
export function withoutSecrets(text: string): string {
    return hideSecrets(text, [...secrets]);
}

/** Fields that may quote a registry or a tool; names and digests are left as they are. */
const QUOTING = new Set(["problem", "fix", "registryCode", "detail", "note"]);

/** A replacer for `JSON.stringify` that hides passwords. */
export function hideSecretsInJson(key: string, value: unknown): unknown {
    return QUOTING.has(key) && typeof value === "string" ? withoutSecrets(value) : value;
}

/**
 * Prints a result to stdout: for people, or one JSON document per line. Control characters are escaped, whatever the text
 * quotes.
 */
export function print(line: string): void {
    process.stdout.write(`${escapedLines(line)}\n`);
}

/**
 * Prints progress, a warning or an error to stderr. It may contain texts of a registry or a tool, so passwords are
 * hidden.
 */
export function printDiagnostic(line: string): void {
    process.stderr.write(`${escapedLines(withoutSecrets(line))}\n`);
}
