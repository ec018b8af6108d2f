import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { utils } from "ssh2";
import { parse, stringify } from "yaml";
import { PassthroughSite } from "../../components";
import { loadSite } from "../../config";
import { testAuthority } from "../support/certificates";
import { PROJECT } from "../support/stack";

const NAMESPACE = "registry-passthrough";
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq2q6l2mPzq8t0m0G8tZCDDKcPq0rG0OZ2pSP6Qd1kF";
const HASH = "0123456789abcdef".repeat(4);
const folder = mkdtempSync(join(tmpdir(), "guides-"));

afterAll(() => rmSync(folder, { recursive: true }));

const page = (name: string) => readFileSync(join(PROJECT, "docs/how-to", `${name}.md`), "utf8");

/** What a reader writes in place of what only that site has. */
function filledIn(text: string): string {
    return text
        .replace(/ssh-ed25519 AAAA\S*…/g, HOST_KEY)
        .replace(/sha256:…/g, `sha256:${HASH}`)
        .replace(/sha256: …/g, `sha256: ${HASH}`)
        .replace(/(?<=kubeconfigFile: |ca: |lock: )[\w./-]+/g, (path) => join(folder, path.replaceAll("/", "_")));
}

interface Example {
    readonly guide: string;
    readonly site: { readonly registry: object };
    /** Names of the secrets that the page sets. */
    readonly secrets: readonly string[];
}

/** The examples of a guide, in order: each as a whole site, where a page shows only what is other. */
function examples(guide: string): Example[] {
    const text = page(guide);
    const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
        ([, yaml = ""]) => parse(filledIn(yaml)) as object,
    );
    // A whole stack file, or a part of one.
    const [{ config, ...keys } = {}] = blocks as readonly { readonly config?: object }[];
    const site = Reflect.get(config ?? keys, `${NAMESPACE}:site`) as Example["site"];
    // What a page sets before its next example belongs to the one before.
    const parts = text.split(/^```yaml\n/m).slice(1);
    const secrets = parts.map((part) => [...part.matchAll(/config set --secret (\w+)/g)].map(([, key = ""]) => key));
    return blocks.map((block, index) => ({
        guide,
        site: index === 0 ? site : { ...site, registry: { ...site.registry, ...block } },
        secrets: secrets[index] ?? [],
    }));
}

const GUIDES = ["deploy-on-a-host", "deploy-in-a-cluster", "install-harbor-or-mirror-registry"].flatMap(examples);

beforeAll(async () => {
    const kubeconfig = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": "site" },
        clusters: [{ name: "site", cluster: { server: "https://api.site-a.example:6443" } }],
        users: [{ name: "ci", user: { token: "token" } }],
        contexts: [{ name: "site", context: { cluster: "site", user: "ci" } }],
    };
    writeFileSync(join(folder, "_home_ci_.kube_site-a"), stringify(kubeconfig));
    copyFileSync(join(PROJECT, "content/dev.lock.json"), join(folder, "content_site-a.lock.json"));
    writeFileSync(join(folder, "certs_s3-ca.pem"), (await testAuthority()).ca);
});

/** Declares a site as the program does. @returns the types of its resources */
async function declare({ site, secrets }: Example): Promise<string[]> {
    const types: string[] = [];
    const login = { username: "user", password: "password" };
    const made = {
        accounts: { importer: login, puller: login },
        admin: login,
        login,
        robot: login,
        chain: "",
        key: "",
    };
    await pulumi.runtime.setMocks(
        {
            newResource: ({ type, name, inputs }) => {
                types.push(type.replace(/^.*:/, ""));
                return { id: name, state: { ...(inputs as object), ...made } };
            },
            call: ({ token }) => {
                throw new Error(`not mocked: ${token}`);
            },
        },
        NAMESPACE,
        "site-a",
        true,
    );
    const { private: hostPrivateKey } = utils.generateKeyPairSync("ecdsa", { bits: 256 });
    const values = secrets.map((key) => [`${NAMESPACE}:${key}`, key === "hostPrivateKey" ? hostPrivateKey : "canary"]);
    pulumi.runtime.setAllConfig({ ...Object.fromEntries(values), [`${NAMESPACE}:site`]: JSON.stringify(site) });
    const { site: settings, ...accounts } = loadSite();
    new PassthroughSite("site", { ...settings, ...accounts });
    await pulumi.runtime.disconnect();
    return types;
}

const RESOURCE = {
    "deploy-on-a-host": "RegistryHost",
    "deploy-in-a-cluster": "RegistryDeployment",
    "install-harbor-or-mirror-registry": "RegistryInstallation",
} as const;

test("the guides have examples", () => {
    expect(GUIDES.map(({ guide }) => guide)).toEqual([
        ...["deploy-on-a-host", "deploy-in-a-cluster", "deploy-in-a-cluster"],
        "install-harbor-or-mirror-registry",
    ]);
});

test.each(GUIDES)(
    "an example of $guide, with the secrets that it sets, is a site that sets a registry up",
    async (example) => {
        expect(await declare(example)).toContain(RESOURCE[example.guide as keyof typeof RESOURCE]);
    },
);

test("the example for mirror-registry is one for Harbor, too, as it says", async () => {
    const [example] = examples("install-harbor-or-mirror-registry");
    if (example === undefined) throw new Error("there is none");
    const site = JSON.parse(JSON.stringify(example.site).replace('"2.0.11"', '"2.14.1"')) as Example["site"];
    const types = await declare({ ...example, site: { ...site, registry: { ...site.registry, type: "harbor" } } });
    expect(types).toContain("RegistryInstallation");
});
