import type { Credentials } from "../../lib/distribution/auth/credentials";
import { withoutSecrets as hideSecrets, secretForms } from "../../lib/distribution/auth/redaction";

const secrets = new Set<string>();

/** From now on nothing this process says shows the account's password, in any form that it travels in. */
export function keepSecret(credentials: Credentials): void {
    for (const form of secretForms(credentials)) if (form !== "") secrets.add(form);
}

/** A text without the secrets that are known. */
export function withoutSecrets(text: string): string {
    return hideSecrets(text, [...secrets]);
}

/** What was asked for: for people, or one JSON document a line for machines. Made of names and numbers. */
export function print(line: string): void {
    process.stdout.write(`${line}\n`);
}

/**
 * What is said beside it: how far it is, warnings, failures. Never mixed into what a machine reads; texts of a registry
 * or a tool are in it, so secrets are taken out.
 */
export function printDiagnostic(line: string): void {
    process.stderr.write(`${withoutSecrets(line)}\n`);
}
