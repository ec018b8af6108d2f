import { quoted } from "../errors/text";
import type { ConfigIssue } from "./config-issue";
import type { HostAddress } from "./host-deploy";

/** What a user logs in to a host with; secret. */
export interface HostLogin {
    /** In the format of OpenSSH or PEM. */
    readonly privateKey: string;
    /** What it is encrypted with. */
    readonly passphrase?: string;
}

/** A host as the configuration has it, with the text of the file that has the private key. */
export interface ConfiguredHost extends HostAddress {
    /** Where it is configured, for messages. */
    readonly key: string;
    readonly privateKeyFile?: string;
    readonly keyFileText?: string;
}

/** The flat keys of a host. */
export interface HostSecrets {
    readonly hostPrivateKey?: string | undefined;
    readonly hostPassphrase?: string | undefined;
}

/** The login of a host: from its file, or from the stack's secrets. @returns undefined: there is none */
export function hostLogin(host: ConfiguredHost | undefined, secrets: HostSecrets): HostLogin | undefined {
    const { hostPrivateKey, hostPassphrase: passphrase } = secrets;
    const privateKey = host?.keyFileText ?? hostPrivateKey;
    if (host === undefined || (privateKey ?? "").trim() === "" || privateKey === undefined) return undefined;
    return { privateKey, ...(passphrase === undefined ? {} : { passphrase }) };
}

/**
 * A private key that is there twice, not at all, for nothing, or that is none.
 * @param host undefined: none is configured
 * @param stack named in the commands that fix it
 */
export function hostLoginIssues(host: ConfiguredHost | undefined, secrets: HostSecrets, stack: string): ConfigIssue[] {
    const { hostPrivateKey, hostPassphrase } = secrets;
    const remove = (key: string) => `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
    if (host === undefined) {
        const set = Object.entries({ hostPrivateKey, hostPassphrase }).filter(([, value]) => value !== undefined);
        const problem = "site.registry.deploy.host or deploy.installer.host, which it is for, is not set";
        return set.map(([key]) => ({ key, problem, fix: remove(key) }));
    }
    const fileKey = `${host.key}.privateKeyFile`;
    if (host.privateKeyFile !== undefined && hostPrivateKey !== undefined)
        return [{ key: "hostPrivateKey", problem: `${fileKey} is set as well`, fix: remove("hostPrivateKey") }];
    const key = host.privateKeyFile === undefined ? "hostPrivateKey" : fileKey;
    const text = host.privateKeyFile === undefined ? hostPrivateKey : host.keyFileText;
    const make = "make a key with ssh-keygen -t ed25519";
    const set = `npm run -s pulumi -- config set --secret hostPrivateKey --stack ${stack} < id_ed25519`;
    if (text === undefined || text.trim() === "") {
        const problem = host.privateKeyFile === undefined ? "it is not set" : "the file cannot be read, or is empty";
        return [{ key, problem, fix: host.privateKeyFile === undefined ? `set it with: ${set}` : "correct the path" }];
    }
    // A text of several lines, in quotes that a shell has eaten, is the usual mistake.
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n/.test(text.trimStart())) return [];
    const what = text.trimStart().startsWith("ssh-") ? "the public key" : "no private key";
    const place = host.privateKeyFile === undefined ? "it" : quoted(host.privateKeyFile);
    return [{ key, problem: `${place} is ${what}`, fix: `${make}, and configure the file without .pub` }];
}
