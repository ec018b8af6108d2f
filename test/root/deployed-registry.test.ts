import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistryDeploymentInputs } from "../../dynamic-providers/registry-deployment/kind";
import { registryDeploymentProvider } from "../../dynamic-providers/registry-deployment/provider";
import type { Credentials } from "../../lib/http/credentials";
import { type ApiServer, startApiServer } from "../support/api-server";
import { type ServerCertificate, testAuthority } from "../support/certificates";
import { registryImage, writeImageArchive } from "../../lib/image-build";
import { hasLabelled, pushLabelled } from "../support/labelled-images";
import { PodPorts } from "../support/node/pod-ports";
import { NODE, RealNode } from "../support/node/real-node";
import { operationContext } from "../support/operation-context";

jest.setTimeout(900_000);

const USER = 1000;
const NAMESPACE = "registry-passthrough";
const [PULL_PORT, PUSH_PORT] = [30_501, 30_502] as const;
const CLASS = "by-hand";

let ca: string;
let certificate: ServerCertificate;
let server: ApiServer;
let node: RealNode;
let ports: PodPorts;
/** The volume. */
const storage = mkdtempSync(join(tmpdir(), "volume-"));

beforeAll(async () => {
    const authority = await testAuthority();
    ({ ca } = authority);
    certificate = await authority.issue();
    server = await startApiServer();
    const controllers = ["statefulset-controller", "persistentvolume-binder-controller"];
    node = await RealNode.start(server, () => ({}), {}, controllers);
    // The API taints a new node, and no controller looks at it afterwards.
    await server.admin.patch({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } }, { spec: { taints: null } });
    chownSync(storage, USER, USER);
    await server.admin.create({
        ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "volume" } },
        spec: {
            ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: CLASS },
            hostPath: { path: storage },
        },
    } as never);
    ports = await PodPorts.start(server.admin, NAMESPACE, [
        { port: PULL_PORT, podPort: 5000 },
        { port: PUSH_PORT, podPort: 5010 },
    ]);
});

afterAll(async () => {
    ports.stop();
    await node.stop();
    await server.stop();
    rmSync(storage, { recursive: true, force: true });
});

/** The image of `passthrough registry-image`, on the node and nowhere else. @returns its name */
async function loadRegistryImage(): Promise<string> {
    const program = execFileSync("sh", ["-c", "command -v registry"], { encoding: "utf8" }).trim();
    const image = await registryImage(program);
    const archive = join(node.folder, "registry.tar");
    await writeImageArchive(archive, "localhost/distribution", image);
    node.load(archive);
    return `localhost/distribution@${image.manifest.digest}`;
}

const access = (port: number, credentials: Credentials) => ({
    endpoint: { host: `localhost:${port}`, ca },
    credentials,
});
const push = (port: number, credentials: Credentials, label: string) => pushLabelled(access(port, credentials), label);
const isPulled = (credentials: Credentials, label: string) => hasLabelled(access(PULL_PORT, credentials), label);

test("the pods run on a real node, take pushes at one address, refuse them at the other, and keep content and accounts", async () => {
    const { admin } = server;
    const context = operationContext();
    const inputs: RegistryDeploymentInputs = {
        selfUrn: "urn",
        ...{ cluster: "", kubeconfig: server.kubeconfig, owner: "project/stack", namespace: NAMESPACE },
        registry: {
            type: "distribution",
            mirrorBase: `localhost:${PULL_PORT}/mirror`,
            pushHost: `localhost:${PUSH_PORT}`,
            ...{ ca, retrySeconds: 0 },
        },
        ...{ image: await loadRegistryImage(), expose: "nodePort", runAsUser: USER, deleteContent: false },
        storage: { bytes: 2 ** 30, storageClass: CLASS },
        ...{ chain: certificate.certificate, key: certificate.key },
    };
    const { outs } = await registryDeploymentProvider.create(inputs, context);
    const { importer, puller } = outs.accounts;
    await push(PUSH_PORT, importer, "first");
    expect(await isPulled(puller, "first")).toBe(true);
    await expect(push(PULL_PORT, puller, "second")).rejects.toThrow(/405|read-only/);
    // Each account is known where it is for.
    await expect(push(PUSH_PORT, puller, "second")).rejects.toThrow(/401/);
    expect((await registryDeploymentProvider.read(outs, context)).outs.differences).toEqual([]);

    // Another pod has the same content.
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "registry-0", namespace: NAMESPACE } };
    const before = (await admin.get(pod))?.metadata.uid;
    await admin.remove(pod);
    while ([before, undefined].includes((await admin.get(pod))?.metadata.uid))
        await new Promise((resolve) => setImmediate(resolve));
    await registryDeploymentProvider.update(outs, inputs, context);
    expect(await isPulled(puller, "first")).toBe(true);

    // An image that the node cannot get does not end the pod that runs.
    const running = (await admin.get(pod))?.metadata.uid;
    const unknown = inputs.image.replace(/@.*/, `@sha256:${"0".repeat(64)}`);
    await expect(registryDeploymentProvider.update(outs, { ...inputs, image: unknown }, context)).rejects.toThrow(
        /cannot run .*: (ImagePullBackOff|ErrImageNeverPull)/,
    );
    expect((await admin.get(pod))?.metadata.uid).toBe(running);
    expect(await isPulled(puller, "first")).toBe(true);

    // New accounts are accepted before the update ends, and no pod starts again for them.
    const uid = (await admin.get(pod))?.metadata.uid;
    const rotated = await registryDeploymentProvider.update(outs, { ...inputs, rotate: "1" }, context);
    expect(await isPulled(rotated.accounts.puller, "first")).toBe(true);
    expect(await isPulled(puller, "first")).toBe(true);
    expect((await admin.get(pod))?.metadata.uid).toBe(uid);

    await registryDeploymentProvider.remove(rotated, context);
    const claim = {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "registry-storage", namespace: NAMESPACE },
    };
    const set = { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "registry", namespace: NAMESPACE } };
    expect(await admin.get(set)).toBeUndefined();
    expect(await admin.get(claim)).toBeDefined();
});
