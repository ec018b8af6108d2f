import { quoted } from "../errors/text";
import type { ConfigIssue } from "./config-issue";
import type { HostAddress } from "./host-address";
import { privateKeyProblem } from "./private-key";

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

/** The flat keys of hosts: one private key for all that name no file, one passphrase for all that are encrypted. */
export interface HostSecrets {
    readonly hostPrivateKey?: string | undefined;
    readonly hostPassphrase?: string | undefined;
}

/** The login of a host: from its file, or from the stack's secrets. @returns undefined: there is none */
export function hostLogin(
    host: Pick<ConfiguredHost, "privateKeyFile" | "keyFileText"> | undefined,
    secrets: HostSecrets,
): HostLogin | undefined {
    const { hostPrivateKey, hostPassphrase: passphrase } = secrets;
    if (host === undefined) return undefined;
    const privateKey = host.privateKeyFile === undefined ? hostPrivateKey : host.keyFileText;
    if (privateKey === undefined || privateKey.trim() === "") return undefined;
    return { privateKey, ...(passphrase === undefined ? {} : { passphrase }) };
}

/**
 * Private keys that are there twice, not at all, for nothing, that are none, or that cannot be read without a passphrase.
 * @param hosts of the registry and of archives; empty: none is configured
 * @param stack named in the commands that fix it
 */
export function hostLoginIssues(hosts: readonly ConfiguredHost[], secrets: HostSecrets, stack: string): ConfigIssue[] {
    const { hostPrivateKey, hostPassphrase } = secrets;
    const remove = (key: string) => `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`;
    if (hosts.length === 0) {
        const set = Object.entries({ hostPrivateKey, hostPassphrase }).filter(([, value]) => value !== undefined);
        const problem =
            "no host is configured that it is for: site.registry.deploy.host, deploy.installer.host or site.content[].at.host";
        return set.map(([key]) => ({ key, problem, fix: remove(key) }));
    }
    const ofFiles = hosts.flatMap((host) => fileIssues(host, hostPassphrase));
    const [withFile] = hosts;
    if (hosts.some(({ privateKeyFile }) => privateKeyFile === undefined))
        return [...secretIssues(secrets, stack), ...ofFiles];
    if (hostPrivateKey === undefined || withFile === undefined) return ofFiles;
    const problem = `${withFile.key}.privateKeyFile is set as well`;
    return [{ key: "hostPrivateKey", problem, fix: remove("hostPrivateKey") }, ...ofFiles];
}

function secretIssues({ hostPrivateKey: text = "", hostPassphrase }: HostSecrets, stack: string): ConfigIssue[] {
    const key = "hostPrivateKey";
    if (text.trim() === "") {
        const fix = `set it with: npm run -s pulumi -- config set --secret ${key} --stack ${stack} < id_ed25519`;
        return [{ key, problem: "it is not set", fix }];
    }
    const found = privateKeyProblem(text, hostPassphrase);
    return found === undefined ? [] : [{ key, problem: `it ${found.problem}`, fix: found.fix }];
}

function fileIssues({ key: host, privateKeyFile, keyFileText = "" }: ConfiguredHost, passphrase: string | undefined) {
    if (privateKeyFile === undefined) return [];
    const key = `${host}.privateKeyFile`;
    if (keyFileText.trim() === "")
        return [{ key, problem: "the file cannot be read, or is empty", fix: "correct the path" }];
    const found = privateKeyProblem(keyFileText, passphrase);
    return found === undefined ? [] : [{ key, problem: `${quoted(privateKeyFile)} ${found.problem}`, fix: found.fix }];
}
