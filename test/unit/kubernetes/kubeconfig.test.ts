import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    flattenKubeconfigFile,
    parseKubeconfig,
    readKubeconfig,
    type KubeconfigSource,
} from "../../../lib/kubernetes/kubeconfig";
import { kubeconfigSecrets } from "../../../lib/kubernetes/kubeconfig-secrets";
import { type ServerCertificate, testAuthority } from "../../support/certificates";
import { base64, kubeconfigText } from "../../support/kubeconfig";

const SERVER = "https://api.lab.test:6443";
const TOKEN = "sha256~canary-token";
let folder = "";
let ca = "";
let client: ServerCertificate;
let other: ServerCertificate;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
    const authority = await testAuthority();
    ca = authority.ca;
    [client, other] = await Promise.all([authority.issue(), authority.issue()]);
});
afterAll(() => {
    rmSync(folder, { recursive: true });
});

const cluster = (fields: object = {}) => ({ server: SERVER, "certificate-authority-data": base64(ca), ...fields });
const withUser = (user: Record<string, unknown>) => kubeconfigText(cluster(), user);
const withCluster = (fields: object) => kubeconfigText(cluster(fields), { token: TOKEN });

/** `field: problem` of everything that is wrong. */
function problems(text: string, source: KubeconfigSource = {}): string[] {
    const found = readKubeconfig(text, source).problems ?? [];
    expect(found.filter(({ fix }) => fix === "")).toEqual([]);
    return found.map(({ field = "", problem }) => `${field}: ${problem}`);
}

test("reads what a context uses", () => {
    const text = kubeconfigText(cluster({ server: `${SERVER}/`, "proxy-url": "socks5://proxy:1080" }), {
        token: ` ${TOKEN}\n`,
        as: "robot",
        "as-groups": ["a", "b"],
    });
    const { user, ...rest } = parseKubeconfig(text);
    expect(rest).toEqual({ context: "lab", server: SERVER, ca, proxyUrl: "socks5://proxy:1080" });
    expect(user.token).toBe(TOKEN);
    expect(user.impersonation).toEqual({ "Impersonate-User": "robot", "Impersonate-Group": ["a", "b"] });
});

test("a kubeconfig without a user is anonymous; loopback may have plain HTTP", () => {
    expect(parseKubeconfig(kubeconfigText({ server: "http://127.0.0.1:8001" }, undefined)).user.token).toBeUndefined();
});

test.each([
    ["an empty text", () => "", /^: it is empty$/],
    ["a path in place of a text", () => "/home/ci/.kube/config", /^: it is YAML, but no mapping/],
    ["no YAML", () => `users:\n- name: a\n  user: {token: "${TOKEN}`, /^: it is not YAML: [A-Z_]+ in line 3$/],
    ["aliases that multiply", () => bomb(), /^: it has an alias without an anchor, or too many of them$/],
    ["no list", () => "clusters: 5", /^: clusters is not a list$/],
    ["nothing in it", () => "{}", /^: it has no current-context \(it has no contexts\)$/],
    [
        "plain HTTP",
        () => withCluster({ server: "http://api.lab.test:8080" }),
        /^clusters\[api\]\.server: it is plain HTTP/,
    ],
    ["no server", () => withCluster({ server: "" }), /server: it is not set$/],
    ["another scheme", () => withCluster({ server: "ftp://x" }), /server: it is not the URL/],
    ["an account in the URL", () => withCluster({ server: "https://a:b@x" }), /server: it has an account/],
    ["no verification", () => withCluster({ "insecure-skip-tls-verify": true }), /it switches TLS verification off$/],
    [
        "no verification in YAML 1.1",
        () => withCluster({}).replace('"server":', 'insecure-skip-tls-verify: yes, "server":'),
        /kubectl may take it for true$/,
    ],
    [
        "no verification as a text",
        () => withCluster({ "insecure-skip-tls-verify": "on" }),
        /kubectl may take it for true$/,
    ],
    [
        "merged fields",
        () => withCluster({}).replace('"server":', '<<: {insecure-skip-tls-verify: true}, "server":'),
        /merge key <</,
    ],
    ["a password alone in the URL", () => withCluster({ server: "https://:canary@x" }), /server: it has an account/],
    ["a fragment", () => withCluster({ server: "https://x#y" }), /server: it has an account or a query/],
    ["a line break in the URL", () => withCluster({ server: "https://ap\ni.x" }), /would read its host as api\.x$/],
    ["a foreign letter in the URL", () => withCluster({ server: "https://\u0430pi.x" }), /as xn--pi-6kc\.x$/],
    ["backslashes in the URL", () => withCluster({ server: "https:\\\\api.x" }), /would read its host as api\.x$/],
    ["another spelling of an address", () => withCluster({ server: "https://0x7f.1" }), /as 127\.0\.0\.1$/],
    [
        "a TLS name that is none",
        () => withCluster({ "tls-server-name": "a\0.x" }),
        /tls-server-name: it is not the name/,
    ],
    ["a line break in the proxy", () => withCluster({ "proxy-url": "http://x/\r\ny" }), /not the URL of a proxy$/],
    ["a text nested to cost memory", () => "[".repeat(4_000_000), /^: it is nested too deeply$/],
    [
        "line breaks to cost time",
        () => withCluster({ "certificate-authority-data": `${"\n".repeat(500_000)}!` }),
        /it is not base64$/,
    ],
    ["a CA that is none", () => withCluster({ "certificate-authority-data": base64("no") }), /not a PEM file/],
    ["a CA that is not base64", () => withCluster({ "certificate-authority-data": ca }), /it is not base64$/],
    ["another proxy", () => withCluster({ "proxy-url": "ssh://x" }), /proxy-url: it is not the URL of a proxy$/],
    ["a token of two lines", () => withUser({ token: "a\nb" }), /^users\[admin\]\.token: it is empty, or has/],
    ["a CA file", () => kubeconfigText({ server: SERVER, "certificate-authority": "ca.crt" }, {}), /must not name$/],
    ["a token file", () => withUser({ tokenFile: "/run/token" }), /tokenFile: it is a file.* must not name$/],
    [
        "half a certificate",
        () => withUser({ "client-key-data": base64(client.key) }),
        /the key is set, and there is no/,
    ],
    [
        "a key of another certificate",
        () => withUser({ "client-certificate-data": base64(client.certificate), "client-key-data": base64(other.key) }),
        /client-key: it is not the key of the client certificate$/,
    ],
    [
        "an unreadable key",
        () => withUser({ "client-certificate-data": base64(client.certificate), "client-key-data": base64(TOKEN) }),
        /client-key: it is not a PEM private key/,
    ],
    [
        "an old plugin",
        () => withUser({ exec: { apiVersion: "client.authentication.k8s.io/v1alpha1", command: "x" } }),
        /exec\.apiVersion/,
    ],
    [
        "a plugin without a command",
        () => withUser({ exec: { apiVersion: "client.authentication.k8s.io/v1" } }),
        /exec\.command: it is not set/,
    ],
    [
        "a plugin that asks",
        () =>
            withUser({
                exec: { apiVersion: "client.authentication.k8s.io/v1", command: "x", interactiveMode: "Always" },
            }),
        /asks questions on a terminal/,
    ],
    ["a provider that is no more", () => withUser({ "auth-provider": { name: "gcp" } }), /auth-provider\.name: only/],
])("%s is one problem, and no secret is in it", (_, text, expected) => {
    const found = problems(text());
    expect(found).toEqual([expect.stringMatching(expected)]);
    expect(found.join()).not.toContain("canary");
});

/** YAML whose aliases stand for 10^9 texts. */
function bomb(): string {
    const lines = Array.from({ length: 9 }, (_, level) => {
        const inner = level === 0 ? '"x"' : `*a${level - 1}`;
        return `a${level}: &a${level} [${Array.from({ length: 10 }, () => inner).join(",")}]`;
    });
    return lines.join("\n");
}

test("contexts: an unknown one names those there are; missing entries are named", () => {
    expect(problems(withUser({}), { context: "prod" })).toEqual([": the kubeconfig has no context prod (it has: lab)"]);
    const text = JSON.stringify({
        contexts: [
            { name: "a", context: { cluster: "none" } },
            { name: "b", context: { cluster: "c", user: "none" } },
        ],
        clusters: [{ name: "c", cluster: { server: SERVER } }],
    });
    expect(problems(text, { context: "a" })).toEqual([
        "contexts[a]: it names a cluster that the kubeconfig does not have",
    ]);
    expect(problems(text, { context: "b" })).toEqual([
        "contexts[b]: it names a user that the kubeconfig does not have",
    ]);
});

test("all problems are in one error, each with its fix", () => {
    const text = kubeconfigText({ server: "http://x", "insecure-skip-tls-verify": true }, { token: "" });
    expect(() => parseKubeconfig(text)).toThrow(/2 problems[^]*plain HTTP[^]*switches TLS verification off/);
});

test("a file's certificates, key, token and plugin become part of the text", () => {
    const files = { "ca.crt": ca, "client.crt": client.certificate, "client.key": client.key, token: `${TOKEN}\n` };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "./bin/login", env: null };
    const file = join(folder, "config");
    writeFileSync(
        file,
        kubeconfigText(
            { server: SERVER, "certificate-authority": "ca.crt", "tls-server-name": "api" },
            { "client-certificate": "client.crt", "client-key": join(folder, "client.key"), tokenFile: "token", exec },
        ),
    );
    const { user, ...rest } = parseKubeconfig(flattenKubeconfigFile(file));
    expect(rest).toEqual({ context: "lab", server: SERVER, ca, tlsServerName: "api" });
    expect(user).toMatchObject({
        token: TOKEN,
        clientCertificate: client,
        exec: { command: join(folder, "bin/login") },
    });
    writeFileSync(file, kubeconfigText({ server: SERVER, "certificate-authority": "gone.crt" }, {}));
    expect(() => flattenKubeconfigFile(file)).toThrow(/certificate-authority: the file cannot be read: ENOENT/);
    expect(() => flattenKubeconfigFile(join(folder, "none"))).toThrow(/KUBECONFIG_INVALID in .*none: .*ENOENT/);
});

test("secrets are those of all users, also where the text is no kubeconfig", () => {
    const text = JSON.stringify({
        clusters: [{ name: "c", cluster: { "proxy-url": "http://user:proxy%20pass@proxy:3128" } }],
        users: [
            { name: "a", user: { token: "token-a", "client-key-data": base64(client.key), username: "u" } },
            {
                name: "b",
                user: {
                    password: "password-b",
                    exec: {
                        args: [
                            ...["get-token", "--client-secret=arg-b", "--password", "arg pass", "--token", "--verbose"],
                            ...["--token-cache-dir", "/var/cache", "--use-token=true", "--oidc-client-id=public"],
                        ],
                        env: [
                            { name: "API_TOKEN", value: "env-b" },
                            { name: "LANG", value: "C" },
                        ],
                    },
                },
            },
            {
                name: "c",
                user: { "auth-provider": { config: { "refresh-token": "refresh-c", "client-id": "public" } } },
            },
        ],
    });
    expect(kubeconfigSecrets(text).sort()).toEqual(
        [
            base64(client.key),
            client.key.trim(),
            "arg pass",
            "arg-b",
            "env-b",
            "password-b",
            "proxy pass",
            "refresh-c",
            "token-a",
        ].sort(),
    );
    expect(kubeconfigSecrets('users:\n- user: {\n    token: "secret-x"\n')).toEqual(["secret-x"]);
});
