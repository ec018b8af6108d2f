import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { contentRules } from "../../lib/openshift";
import { pushBlobs } from "../../lib/passthrough/push-blobs";
import { type ApiServer, startApiServer } from "../support/api-server";
import { testAuthority } from "../support/certificates";
import { containerdHosts } from "../support/node/containerd-hosts";
import { type Account, NodePods, RUNS, dockerConfig, pullSecret } from "../support/node/node-pods";
import { pauseImage } from "../support/node/pause-image";
import { RealNode } from "../support/node/real-node";
import { RegistryProcess } from "../support/registry-process";

jest.setTimeout(900_000);

const FIRST = { username: "puller-1", password: "a password" };
const SECOND = { username: "puller-2", password: "another password" };

/** From where an image's pods have their account, and what happens to it in a rotation. */
const KINDS = [
    /** The node's config.json, which gets the new one. */
    "node",
    /** A Secret whose data is replaced. */
    "updated",
    /** A Secret that is deleted and created again under its name. */
    "recreated",
    /** A Secret of another name, as tools make them that put a hash of the content into it. */
    "renamed",
    /** A Secret that nobody changes. */
    "forgotten",
    /** A Secret that the first pod has, and others do not. */
    "foreign",
    /** The node's config.json; the image came to the node without the kubelet. */
    "preloaded",
] as const;
type Kind = (typeof KINDS)[number];
const WITH_SECRET = ["updated", "recreated", "renamed", "forgotten", "foreign"] as const satisfies readonly Kind[];

let ca: string;
let registry: RegistryProcess;
let server: ApiServer;
let node: RealNode;
let pods: NodePods;

beforeAll(async () => {
    const authority = await testAuthority();
    ({ ca } = authority);
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: FIRST });
    server = await startApiServer();
    node = await RealNode.start(server, hosts, {});
    pods = new NodePods(server.admin, node);
});

afterEach(() => pods.clear());

afterAll(async () => {
    await node.stop();
    await server.stop();
    await registry.stop();
});

function hosts(certsFolder: string): Record<string, string> {
    const images = { images: { "quay.io/team/app:1.0": pauseImage("app").manifest.digest } };
    const rules = contentRules({ host: registry.host, prefix: "mirror" }, images, { contactSource: "never" });
    return containerdHosts(rules, { host: registry.host, ca }, certsFolder);
}

async function push(names: readonly string[]): Promise<void> {
    const signal = new AbortController().signal;
    const endpoint = { host: registry.host, ca };
    const client = new RegistryClient({ endpoint, credentials: FIRST, requests: requestsFor(2), signal });
    try {
        for (const name of names) {
            const { manifest, blobs } = pauseImage(name);
            await pushBlobs(client, blobs, `mirror/${name}`);
            await client.manifestPut(`mirror/${name}`, "1", manifest);
        }
    } finally {
        await client.close();
    }
}

/** Accounts for paths below the upstream: each image is pulled with one of them alone. */
const place = (kind: Kind) => `quay.io/${kind}`;
const ofNode = (account: Account) => dockerConfig([place("node"), place("preloaded")], account);
const ofPods = (kind: Kind, account: Account, name: string = kind) => pullSecret(name, place(kind), account);

/** The registry, the node and the Secrets as before a rotation, and the kubelet with its settings. */
async function begin(images: readonly string[], settings: object): Promise<void> {
    registry.setPassword(FIRST.username, FIRST.password);
    await push(images);
    node.setDockerConfig(ofNode(FIRST));
    for (const kind of WITH_SECRET) {
        await server.admin.remove(ofPods(kind, FIRST));
        await server.admin.create(ofPods(kind, FIRST));
    }
    await server.admin.remove(ofPods("renamed", SECOND, "renamed-2"));
    await node.restartKubelet(settings);
}

/** The old account goes, and who is told gets the new one. */
async function rotate(): Promise<void> {
    registry.setPassword(SECOND.username, SECOND.password);
    node.setDockerConfig(ofNode(SECOND));
    await server.admin.apply(ofPods("updated", SECOND), { force: true });
    await server.admin.remove(ofPods("recreated", FIRST));
    await server.admin.create(ofPods("recreated", SECOND));
    await server.admin.remove(ofPods("renamed", FIRST));
    await server.admin.create(ofPods("renamed", SECOND, "renamed-2"));
}

/** The Secret that new pods have after the rotation. */
const secretAfter = (kind: Kind): string | undefined =>
    ({ updated: kind, recreated: kind, renamed: "renamed-2", forgotten: kind })[kind as string];

/** By kind: does a container run, or has its pull failed? */
type Outcomes = Partial<Record<Kind, string>>;

async function outcomes(of: (kind: Kind) => Promise<string>, kinds: readonly Kind[] = KINDS): Promise<Outcomes> {
    const entries = kinds.map(async (kind) => [kind, await of(kind)] as const);
    return Object.fromEntries(await Promise.all(entries)) as Outcomes;
}

const all = (outcome: unknown, kinds: readonly Kind[] = KINDS) =>
    Object.fromEntries(kinds.map((kind) => [kind, outcome]));

const FAILS = expect.stringMatching(/^(ErrImagePull|ImagePullBackOff|RegistryUnavailable): /) as string;
const FIRST_PODS: readonly Kind[] = KINDS.filter((kind) => kind !== "preloaded");

/** What a kubelet does that looks at credentials (KEP-2535), by what differs from "runs". */
const CHECKED = {
    killed: { recreated: FAILS, renamed: FAILS },
    off: { recreated: FAILS, renamed: FAILS, foreign: FAILS },
    on: { foreign: FAILS },
};
const UNCHECKED = { killed: {}, off: {}, on: {} };

const ALLOWLIST = { preloadedImagesVerificationAllowlist: ["quay.io/preloaded/*"] };

test.each([
    ["without the check, as before Kubernetes 1.35", undefined, {}, UNCHECKED],
    ["NeverVerify", "NeverVerify", {}, UNCHECKED],
    ["NeverVerifyPreloadedImages, the default", "NeverVerifyPreloadedImages", {}, CHECKED],
    ["NeverVerifyAllowlistedImages", "NeverVerifyAllowlistedImages", ALLOWLIST, CHECKED],
    ["AlwaysVerify", "AlwaysVerify", {}, { ...CHECKED, off: { ...CHECKED.off, preloaded: FAILS } }],
])("%s: what starts after a rotation and a restart of the kubelet", async (name, policy, further, expected) => {
    const images = Object.fromEntries(
        KINDS.map((kind) => [kind, `${place(kind)}/${name.replace(/\W.*/, "").toLowerCase()}`]),
    ) as Record<Kind, string>;
    const start = (kind: Kind, secret?: string) => pods.start(`${images[kind]}:1`, secret);
    const settings =
        policy === undefined
            ? {}
            : {
                  featureGates: { KubeletEnsureSecretPulledImages: true },
                  imagePullCredentialsVerificationPolicy: policy,
                  ...further,
              };
    await begin(Object.values(images), settings);
    node.pull(`${images.preloaded}:1`, FIRST);
    const running = new Map<Kind, string>();
    for (const kind of FIRST_PODS)
        running.set(kind, await start(kind, WITH_SECRET.some((one) => one === kind) ? kind : undefined));
    expect(await outcomes((kind) => pods.outcome(running.get(kind) ?? ""), FIRST_PODS)).toEqual(all(RUNS, FIRST_PODS));

    await rotate();
    await node.restartKubelet(settings);
    await registry.kill();
    const killed = await outcomes((kind) => pods.killed(running.get(kind) ?? ""), FIRST_PODS);
    const replace = async (kind: Kind) => pods.outcome(await start(kind, secretAfter(kind)));
    const off = await outcomes(replace);
    await registry.restart();
    const on = await outcomes(replace);

    expect({ killed, off, on }).toEqual({
        killed: { ...all(RUNS, FIRST_PODS), ...expected.killed },
        off: { ...all(RUNS), ...expected.off },
        on: { ...all(RUNS), ...expected.on },
    });
});
