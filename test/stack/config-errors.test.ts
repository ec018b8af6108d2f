import { leaks } from "../support/canary";
import { kubeconfigText } from "../support/kubeconfig";
import { TestStack } from "../support/stack";

jest.setTimeout(120_000);

let stack: TestStack;

afterEach(() => stack.remove());

test("every mistake in a configuration is told at once, by key, with its cure, before any resource is touched", async () => {
    stack = await TestStack.create({
        site: {
            registry: { type: "distribution", mirrorBase: "https://registry.example/mirror", ca: "no/such/ca.pem" },
            upstreams: ["quay.io", "cdn.quay.io"],
            content: [{ archive: "a.tar", lock: "no/such.lock.json" }],
            cluster: { version: "four" },
        },
        username: "pusher",
    });
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    const expected = [
        'site.registry.mirrorBase: mirror base "https://registry.example/mirror": it has a scheme; write registry.example/mirror',
        "site.registry.ca: ",
        "site.upstreams[1]: cdn.quay.io is a blob store",
        "site.content[0].lock: cannot read the lock file",
        "site.cluster.version: ",
        "registryPassword: it is not set; set it with: npm run pulumi -- config set --secret registryPassword --stack test",
        "6 problems in the configuration",
        "nothing was changed",
    ];
    for (const text of expected) expect(preview.text).toContain(text);
    expect(preview.text).not.toContain("at Object.");
    expect(await stack.state()).not.toContain("PassthroughSite");
});

test("a typo in a key is told with the keys there are", async () => {
    stack = await TestStack.create({
        site: { registry: { type: "distribution", mirorBase: "registry.example/mirror" }, contents: [] },
        username: "pusher",
        password: "a password",
    });
    await stack.setConfig("pulerUsername", "puller", false);
    const preview = await stack.preview();
    expect(preview.text).toContain(
        "site.registry.mirorBase: there is no such key; write mirrorBase, or use one of: type, mirrorBase, pushHost, ca",
    );
    expect(preview.text).toContain(
        "pulerUsername: there is no such key; remove it with: npm run pulumi -- config rm pulerUsername --stack test, and " +
            "write pullerUsername, or use one of: site, defaults, registryUsername",
    );
    expect(preview.text).toContain(
        "site.contents: there is no such key; write content, or use one of: registry, upstreams",
    );
});

test("mistakes in kubeconfigs come with the others, each by its key, and nothing of their logins is shown", async () => {
    stack = await TestStack.create({
        site: {
            registry: { type: "distribution", mirrorBase: "registry.example/mirror" },
            upstreams: ["cdn.quay.io"],
            clusters: {
                east: { apply: {} },
                west: { apply: { kubeconfigFile: "no/such/kubeconfig" } },
                north: { version: "4.14", apply: {} },
            },
        },
        username: "pusher",
        password: "a password",
    });
    const token = "sha256~canary-9f31";
    const wrong = kubeconfigText({ server: "http://api.lab.test", "insecure-skip-tls-verify": true }, { token });
    const secrets = { "kubeconfig-east": wrong, "kubeconfig-north": `token: "${token}`, "kubeconfig-south": wrong };
    for (const [key, text] of Object.entries(secrets)) await stack.setConfig(key, text, true);
    const preview = await stack.preview("--debug");
    const expected = [
        "site.upstreams[0]: cdn.quay.io is a blob store",
        "kubeconfig-east: clusters[api].server: it is plain HTTP",
        "kubeconfig-east: clusters[api].insecure-skip-tls-verify: it switches TLS verification off",
        "site.clusters.west.apply.kubeconfigFile: no/such/kubeconfig: it cannot be read: ENOENT",
        "site.clusters.north.version: OpenShift 4.14 accepts",
        "kubeconfig-north: it is not YAML",
        'kubeconfig-south: site.clusters has no cluster "south"',
        "7 problems in the configuration",
    ];
    for (const text of expected) expect(preview.text).toContain(text);
    expect(leaks([{ username: "kubeconfig", password: token }], { preview: preview.text })).toEqual([]);
});

test("a secret in plain text is refused by its key, before the engine writes it into the state; with --secret it is taken", async () => {
    stack = await TestStack.create({
        site: {
            registry: { type: "distribution", mirrorBase: "registry.example/mirror" },
            // So that the program ends before it asks a registry.
            upstreams: ["cdn.quay.io"],
            clusters: { east: { apply: {} } },
        },
        username: "pusher",
    });
    const password = "hunter2-canary-55d0";
    const token = "sha256~canary-71aa";
    await stack.setConfig("registryPassword", password, false);
    await stack.setConfig("kubeconfig-east", kubeconfigText({ server: "https://api.lab.test" }, { token }), false);
    const refused = [
        "registryPassword: it is a secret, and it is set in plain text; take it out of the stack file",
        "kubeconfig-east: it is a secret, and it is set in plain text; take it out of the stack file",
        "set it with: npm run pulumi -- config set --secret registryPassword --stack test",
        "3 problems in the configuration",
    ];
    for (const run of [await stack.preview(), await stack.upOnly("--skip-preview")]) {
        expect(run.code).not.toBe(0);
        for (const text of refused) expect(run.text).toContain(text);
    }
    const secrets = [password, token].map((secret) => ({ username: "pusher", password: secret }));
    expect(leaks(secrets, { printed: stack.printed, state: await stack.state() })).toEqual([]);

    await stack.setConfig("registryPassword", password, true);
    await stack.setConfig("kubeconfig-east", kubeconfigText({ server: "https://api.lab.test" }, { token }), true);
    const accepted = await stack.preview();
    expect(accepted.text).toContain("1 problem in the configuration");
    expect(accepted.text).toContain("site.upstreams[0]: ");
});
