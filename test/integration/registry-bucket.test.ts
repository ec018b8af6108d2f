import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import type {
    RegistryDeploymentInputs,
    RegistryDeploymentOutputs,
} from "../../dynamic-providers/registry-deployment/kind";
import { registryDeploymentProvider as provider } from "../../dynamic-providers/registry-deployment/provider";
import { type RegistryContext, RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import type { Credentials } from "../../lib/http/credentials";
import { pushBlobs } from "../../lib/passthrough/push-blobs";
import { type ApiServer, startApiServer } from "../support/api-server";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { ManualClock } from "../support/manual-clock";
import { pauseImage } from "../support/node/pause-image";
import { operationContext } from "../support/operation-context";
import { S3Server } from "../support/s3-server";
import { ScriptedRegistryPods } from "../support/scripted-registry-pods";

jest.setTimeout(300_000);

let server: ApiServer;
let authority: TestAuthority;
let s3: S3Server;
let pods: ScriptedRegistryPods | undefined;
let namespaces = 0;

beforeAll(async () => {
    authority = await testAuthority();
    [server, s3] = await Promise.all([startApiServer(), S3Server.start(authority)]);
});
afterAll(async () => {
    await pods?.stop();
    await Promise.all([s3.stop(), server.stop()]);
});

async function inputsOf(): Promise<RegistryDeploymentInputs> {
    const port = 30_700 + 2 * ++namespaces;
    const { certificate: chain, key } = await authority.issue();
    return {
        selfUrn: "urn",
        ...{ cluster: "", kubeconfig: server.kubeconfig, owner: "project/stack", namespace: `bucket-${namespaces}` },
        registry: {
            ...{ type: "distribution", mirrorBase: `localhost:${port}/mirror`, pushHost: `localhost:${port + 1}` },
            ...{ ca: authority.ca, retrySeconds: 0 },
        },
        ...{ image: `bastion.example/distribution@sha256:${"0".repeat(64)}`, expose: "nodePort", deleteContent: false },
        ...{ storage: { s3: s3.bucket }, storageAccount: s3.account, chain, key, runAsUser: 1000 },
    };
}

function context(lines: string[] = [], clock = new ManualClock(Date.now())): RegistryContext {
    return { ...operationContext(lines), process: new RegistryProcess({ followsConfiguration: false, clock }) };
}

function find(namespace: string, apiVersion: string, kind: string, name: string) {
    return server.admin.get({ apiVersion, kind, metadata: { name, namespace } });
}

/** A clock during whose sleeps pods run. */
function running(own: ScriptedRegistryPods): ManualClock {
    const clock = new ManualClock(Date.now());
    clock.onSleep = async () => void (await own.pass());
    return clock;
}

async function at<T>(host = "", credentials: Credentials, use: (client: RegistryClient) => Promise<T>): Promise<T> {
    const client = new RegistryClient({
        ...{ endpoint: { host, ca: authority.ca }, credentials, requests: requestsFor(2) },
    });
    try {
        return await use(client);
    } finally {
        await client.close();
    }
}

test("real registries keep what was pushed over a restart, no volume is made, and the namespace goes with them", async () => {
    const inputs = await inputsOf();
    const { namespace, registry } = inputs;
    pods = new ScriptedRegistryPods(server.admin, namespace);
    const lines: string[] = [];
    const { outs } = await provider.create(inputs, context(lines, running(pods)));
    expect(lines.filter((line) => line.includes("bucket"))).toEqual([]);
    expect(await find(namespace, "v1", "PersistentVolumeClaim", "registry-storage")).toBeUndefined();
    const { importer, puller } = outs.accounts;
    const image = pauseImage("bucket");
    await at(registry.pushHost, importer, async (client) => {
        await pushBlobs(client, image.blobs, "mirror/app");
        await client.manifestPut("mirror/app", "1", image.manifest);
    });
    const [host] = registry.mirrorBase.split("/");
    const pulled = () => at(host, puller, async (client) => (await client.manifestGet("mirror/app", "1"))?.digest);
    expect(await pulled()).toBe(image.manifest.digest);
    await server.admin.remove({
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "registry", namespace },
    });
    await pods.pass();
    await provider.update(outs, inputs, context([], running(pods)));
    expect(await pulled()).toBe(image.manifest.digest);

    const said: string[] = [];
    await provider.remove(outs, context(said));
    expect(said.join()).toMatch(/what is in the bucket mirror at https:\/\/localhost:\d+ stays/);
    const place = await server.admin.get({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    expect(Reflect.get(place?.metadata ?? {}, "deletionTimestamp")).toBeDefined();
    expect([...lines, ...said].join()).not.toContain(s3.account.secretKey);
});

test("a registry that is up and takes no uploads ends the up that sets it up, with what doctor finds; later it is a warning", async () => {
    const inputs = await inputsOf();
    const own = new ScriptedRegistryPods(server.admin, inputs.namespace, { refusesUploads: true });
    try {
        const failure: unknown = await provider
            .create(inputs, context([], running(own)))
            .catch((error: unknown) => error);
        expect(failure).toMatchObject({
            known: { differences: ["it was not completed"] },
            reasons: [expect.stringMatching(/it is up, and no image can be pushed to it \(upload URL\): .*405/)],
        });
        if (!(failure instanceof PartialState)) throw failure;
        const lines: string[] = [];
        const ran = { ...(failure.known as RegistryDeploymentOutputs), wasSetUp: true };
        const outs = await provider.update(ran, { ...inputs, rotate: "1" }, context(lines, running(own)));
        expect(outs).toMatchObject({ differences: [], wasSetUp: true });
        expect(lines.join()).toContain("it is up, and no image can be pushed to it (upload URL): ");
    } finally {
        await own.stop();
    }
});

test.each([
    ["another secret key", {}, { secretKey: "wrong" }, /403 SignatureDoesNotMatch.*set the secrets storageAccessKey/],
    ["an unknown account", {}, { accessKey: "wrong" }, /403 InvalidAccessKeyId.*set the secrets storageAccessKey/],
    ["a bucket that is not there", { bucket: "other" }, {}, /404 NoSuchBucket for the bucket other; create the bucket/],
])("%s is refused before anything is written", async (_, bucket, account, message) => {
    const inputs = await inputsOf();
    const wrong = {
        ...inputs,
        ...{ storage: { s3: { ...s3.bucket, ...bucket } }, storageAccount: { ...s3.account, ...account } },
    };
    const own = () => context([], new ManualClock(Date.now()));
    await expect(provider.describeChanges?.({}, wrong, own())).rejects.toThrow(message);
    await expect(provider.create(wrong, own())).rejects.toThrow(message);
    expect(await find(inputs.namespace, "v1", "Secret", "registry-storage")).toBeUndefined();
});

test("a server that this machine does not reach is no error: only the pod can tell", async () => {
    const inputs = await inputsOf();
    const lines: string[] = [];
    const unreached = {
        ...inputs,
        storage: { s3: { ...s3.bucket, endpoint: "https://s3.openshift-storage.svc" } },
    };
    await provider.describeChanges?.({}, unreached, context(lines, new ManualClock(Date.now())));
    expect(lines.join()).toMatch(
        /could not be found out whether the registry can use the bucket mirror \(s3\.open.*only if it can/,
    );
    // What has not changed is not asked for again.
    lines.length = 0;
    await provider.describeChanges?.(unreached, unreached, context(lines));
    expect(lines).toEqual([]);
});

test.each([
    [{ storage: { bytes: 2 ** 30 } }, /storage: the content is in a bucket, and would stay there; write s3 again/],
    [{ prefix: undefined }, /storage\.s3\.prefix: the content is elsewhere, .*; write site-a again/],
    [{ bucket: "other" }, /storage\.s3\.bucket: the content is elsewhere, .*; write mirror again/],
    [{ endpoint: "https://other" }, /storage\.s3\.endpoint: the content is elsewhere/],
])("a move of the content is refused in the preview: %j", async (changes, message) => {
    const inputs = await inputsOf();
    const { storage = { s3: { ...s3.bucket, ...changes } } } = changes as Partial<RegistryDeploymentInputs>;
    await expect(provider.describeChanges?.(inputs, { ...inputs, storage }, context())).rejects.toThrow(message);
    const volume = { ...inputs, storage: { bytes: 1 } };
    await expect(provider.describeChanges?.(volume, inputs, context())).rejects.toThrow(/in a volume/);
});
