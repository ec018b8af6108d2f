import { type Fields, isFields, parseKubeconfigDocument } from "./kubeconfig-document";

/** Fields of a user that are secret; of a plugin's environment and a login provider's configuration, see below. */
const USER_FIELDS = ["token", "password", "client-key-data"];
/** Settings beside them that are none: URLs, client ids, certificates. */
const PUBLIC_SETTINGS = /^(client-id|idp-issuer-url|idp-certificate-authority(-data)?|extra-scopes|auth-request-.*)$/;
const SECRET_VARIABLE = /secret|token|passw|key|credential/i;
const SECRET_OPTION = /secret|token|passw|credential|private-?key|api-?key|access-?key/i;
/** Options that only say where a secret is, or of which kind. */
const PUBLIC_OPTION = /(file|dir|path|cache|storage|name|type|url|method|id)$/i;
/** In a text that is not a kubeconfig, what may be one in it. */
const SECRET_LINE = /^[\s"'-]*(?:token|password|client-key-data|id-token|refresh-token)["']?\s*:\s*["']?([^\s"']+)/gm;

/**
 * Every secret in a kubeconfig, of all its users, for redaction: tokens, passwords, private keys (as the base64 and as the
 * PEM that it encodes), secrets of login plugins and proxies. For a text that is no valid kubeconfig too.
 */
export function kubeconfigSecrets(text: string): string[] {
    const document = parseKubeconfigDocument(text);
    const found =
        typeof document === "string"
            ? [...text.matchAll(SECRET_LINE)].map(([, value]) => value)
            : [
                  ...document.users.flatMap(({ fields }) => userSecrets(fields)),
                  ...document.clusters.map(({ fields }) => proxyPassword(fields["proxy-url"])),
              ];
    const secrets = found.filter((secret) => typeof secret === "string").map((secret) => secret.trim());
    return [...new Set(secrets.flatMap((secret) => [secret, ...decodedKey(secret)]))].filter((secret) => secret !== "");
}

function userSecrets(fields: Fields): unknown[] {
    const provider = isFields(fields["auth-provider"]) ? fields["auth-provider"]["config"] : undefined;
    const { env, args } = isFields(fields["exec"]) ? fields["exec"] : {};
    const settings = Object.entries(isFields(provider) ? provider : {});
    const variables = (Array.isArray(env) ? env : []).filter(isFields);
    return [
        ...USER_FIELDS.map((name) => fields[name]),
        ...settings.filter(([name]) => !PUBLIC_SETTINGS.test(name)).map(([, value]) => value),
        ...variables.filter(({ name }) => SECRET_VARIABLE.test(String(name))).map(({ value }) => value),
        ...argumentSecrets(Array.isArray(args) ? args.map(String) : []),
    ];
}

/** `--client-secret=…`, `--client-secret …`. */
function argumentSecrets(args: readonly string[]): string[] {
    return args.flatMap((option, at) => {
        const [, name = "", value = args[at + 1]] = /^--?([^=]+)(?:=(.*))?$/s.exec(option) ?? [];
        const isSecret = SECRET_OPTION.test(name) && !PUBLIC_OPTION.test(name);
        return isSecret && value !== undefined && !/^(-|true$|false$)/.test(value) ? [value] : [];
    });
}

/** The PEM that a base64 text encodes. */
function decodedKey(secret: string): string[] {
    if (!/^[A-Za-z0-9+/=\s]{100,}$/.test(secret)) return [];
    const pem = Buffer.from(secret, "base64").toString("utf8");
    return pem.startsWith("-----BEGIN ") ? [pem.trim()] : [];
}

function proxyPassword(url: unknown): string | undefined {
    return typeof url === "string" && URL.canParse(url) ? decodePart(new URL(url).password) : undefined;
}

function decodePart(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}
