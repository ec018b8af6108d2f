import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { connectCluster } from "../../lib/kubernetes/connect";
import { OWNER_ANNOTATION } from "../../lib/openshift";
import { type ImportJob, jobObject } from "../../lib/remote-import/job/job-objects";
import type { JobWait } from "../../lib/remote-import/job/job-state";
import { isVolumeOfOneNode, runJob } from "../../lib/remote-import/job/run-job";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { ApiObject, NamedObject } from "../support/cluster/api-client";
import { roleRules } from "../support/role-rules";
import { ManualClock } from "../support/manual-clock";

jest.setTimeout(300_000);

/** No controller runs: what the Job's controller, scheduler and nodes do is done by each test while the program waits. */
let server: ApiServer;
let client: ClusterClient;
let namespace: string;
let namespaces = 0;
/** What each pod has written. */
const logs = new Map<string, string>();

/** With the log of a pod as the API server gives it. */
let real: ClusterClient;

/** @returns a client of an account that has the rendered role for imports in this namespace, and nothing else */
async function connectImporter(): Promise<ClusterClient> {
    const rules = roleRules(["imports"], undefined, { imports: [namespace] });
    real = await connectCluster({ kubeconfig: await server.kubeconfigFor(`importer-of-${namespace}`, rules) });
    return {
        server: real.server,
        get: (path, name) => real.get(path, name),
        list: (path) => real.list(path),
        create: (path, object) => real.create(path, object),
        patch: (path, name, patch) => real.patch(path, name, patch),
        remove: (path, name, version, dependents) => real.remove(path, name, version, dependents),
        // No kubelet runs that has logs.
        podLog: ({ name }) => Promise.resolve(logs.get(name)),
        close: () => real.close(),
    };
}

beforeAll(async () => {
    server = await startApiServer();
});
afterAll(() => server.stop());
afterEach(() => client.close());

beforeEach(async () => {
    namespace = `transfer-${++namespaces}`;
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await server.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } } as never);
    logs.clear();
    client = await connectImporter();
});

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const jobOf = (changes: Partial<ImportJob> = {}): ImportJob => ({
    ...{ namespace, name: "import-set-shards", owner: "project/stack", round: "shards", shards: 2 },
    image: `registry.example:8443/mirror/registry-passthrough/importer@${DIGEST}`,
    ...{ architecture: "amd64", claim: "archives", isOnOneNode: true },
    ...changes,
});
const SECRETS = {
    importer: { credentials: { username: "importer", password: "secret one" } },
    puller: { username: "puller", password: "secret two" },
};

interface Watched extends JobWait {
    readonly clock: ManualClock;
    readonly waits: string[];
    readonly notes: string[];
    readonly controller: AbortController;
}

/** @param play what happens whenever the program waits, by how often it has waited */
function waiting(play: (turn: number) => Promise<void> | void): Watched {
    const [clock, controller] = [new ManualClock(), new AbortController()];
    let turn = 0;
    clock.onSleep = async () => play(turn++);
    const [waits, notes]: [string[], string[]] = [[], []];
    return {
        ...{ clock, controller, waits, notes, signal: controller.signal, onProgress: () => undefined },
        onWait: (text) => void waits.push(text),
        onNote: (text) => void notes.push(text),
    };
}

const named = (kind: "Job" | "Secret" | "Pod", name: string): NamedObject => ({
    apiVersion: kind === "Job" ? "batch/v1" : "v1",
    kind,
    metadata: { name, namespace },
});
const theJob = () => server.admin.get(named("Job", "import-set-shards"));
const secrets = () => server.admin.list<ApiObject>({ apiVersion: "v1", kind: "Secret" }, namespace);

/** A pod as the Job's controller makes it. */
async function startPod(index: number, status: object, log = ""): Promise<void> {
    const job = await theJob();
    const { template } = job?.spec as { template: { metadata: object; spec: object } };
    const pod = named("Pod", `import-set-shards-${index}`);
    const labels = { "job-name": "import-set-shards" };
    const annotations = { "batch.kubernetes.io/job-completion-index": String(index) };
    if ((await server.admin.get(pod)) === undefined)
        await server.admin.create({
            ...pod,
            metadata: { ...pod.metadata, labels, annotations },
            spec: template.spec,
        } as never);
    await server.admin.patch(pod, { status }, "/status");
    logs.set(pod.metadata.name, log);
}

const NOW = "2026-11-30T10:00:00Z";
const condition = (type: string, more: object = {}) => ({
    ...{ type, status: "True", lastTransitionTime: NOW, lastProbeTime: NOW, ...more },
});

async function endJob(type: "Complete" | "Failed", more: object = {}): Promise<void> {
    const first = type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
    const done = type === "Complete" ? { completionTime: NOW, succeeded: 2, completedIndexes: "0,1" } : {};
    const status = { startTime: NOW, ...done, conditions: [condition(first, more), condition(type, more)] };
    await server.admin.patch(named("Job", "import-set-shards"), { status }, "/status");
}

const line = (document: object) => `${JSON.stringify(document)}\n`;
const REPORT = { line: "report", bytes: 10, uploads: 1, mounts: 0, repeatedBytes: 0 };

test("pods meet PodSecurity restricted, get the account by a Secret of the Job, and say what they did; then all of it goes", async () => {
    let given: ApiObject[] = [];
    let isSuspended: unknown;
    const wait = waiting(async (turn) => {
        if (turn > 0) return;
        given = await secrets();
        const job = await theJob();
        isSuspended = job?.spec?.["suspend"];
        const owners = given.map(
            ({ metadata }) => (Reflect.get(metadata, "ownerReferences") as { uid: string }[])[0]?.uid,
        );
        expect(owners).toEqual([job?.metadata.uid, job?.metadata.uid]);
        await startPod(0, { phase: "Succeeded" }, line({ line: "note", text: "odd" }) + line(REPORT));
        const failed = { line: "failed", source: "quay.io/a:1", problems: [{ code: "DENIED", problem: "refused" }] };
        // Allowed, and empty: a pod without a node has no log.
        expect(await real.podLog({ name: "import-set-shards-0", namespace }, 1)).toBe("");
        await startPod(1, { phase: "Succeeded" }, line(failed) + line({ ...REPORT, bytes: 5 }));
        await endJob("Complete");
    });
    const reports = await runJob(client, jobOf(), SECRETS, wait);
    expect(isSuspended).toBe(false);
    expect(given.map(({ metadata }) => metadata.name)).toEqual([
        "import-set-shards-account",
        "import-set-shards-puller",
    ]);
    const account = Buffer.from(given[0]?.data?.["account.json"] ?? "", "base64").toString();
    expect(JSON.parse(account)).toEqual(SECRETS.importer);
    const login = Buffer.from("puller:secret two").toString("base64");
    expect(Buffer.from(given[1]?.data?.[".dockerconfigjson"] ?? "", "base64").toString()).toBe(
        JSON.stringify({ auths: { "registry.example:8443": { auth: login } } }),
    );
    expect(reports.map(({ counts }) => counts.bytes).sort()).toEqual([10, 5]);
    expect(reports.flatMap(({ failed }) => failed)).toMatchObject([{ problems: [{ code: "DENIED" }] }]);
    expect(wait.notes).toEqual(["odd"]);
    expect(await theJob()).toBeUndefined();
});

test("a Job that a run has left goes on if it does the same, with the account of today; another one is removed first", async () => {
    const dead = waiting(() => dead.controller.abort(new Error("killed")));
    await expect(runJob(client, jobOf(), SECRETS, dead)).rejects.toThrow("killed");
    const before = (await theJob())?.metadata.uid;
    expect(before).toBeDefined();

    const renewed = { ...SECRETS, importer: { credentials: { username: "importer", password: "secret three" } } };
    const again = waiting(() => again.controller.abort(new Error("killed again")));
    await expect(runJob(client, jobOf(), renewed, again)).rejects.toThrow("killed again");
    expect((await theJob())?.metadata.uid).toBe(before);
    const [account] = await secrets();
    expect(Buffer.from(account?.data?.["account.json"] ?? "", "base64").toString()).toContain("secret three");

    const other = jobOf({ image: jobOf().image.replace("sha256:0", "sha256:f") });
    const third = waiting(async () => {
        if (((await theJob())?.metadata.uid ?? before) !== before) third.controller.abort(new Error("killed at last"));
    });
    await expect(runJob(client, other, renewed, third)).rejects.toThrow("killed at last");
    expect((await theJob())?.metadata.uid).not.toBe(before);
});

test("a Job of somebody else is refused, and so is a claim that does not exist", async () => {
    const foreign = jobObject(jobOf({ owner: "project/other" }));
    await server.admin.create(foreign);
    const wait = waiting(() => undefined);
    await expect(runJob(client, jobOf(), SECRETS, wait)).rejects.toMatchObject({
        code: "CLUSTER_OBJECT_EXISTS",
        message: expect.stringContaining("of the stack project/other") as string,
    });
    expect((await theJob())?.metadata.annotations).toMatchObject({ [OWNER_ANNOTATION]: "project/other" });
    expect(await secrets()).toEqual([]);
    await expect(isVolumeOfOneNode(client, jobOf())).rejects.toMatchObject({
        code: "REMOTE_IMPORT_FAILED",
        message: expect.stringContaining("PersistentVolumeClaim archives") as string,
    });
});

test("pods that never run are given up with what scheduler and node say", async () => {
    const wait = waiting(async (turn) => {
        if (turn > 0) return;
        const scheduled = {
            type: "PodScheduled",
            status: "False",
            message: "0/1 nodes are available: 1 had untolerated taint",
        };
        await startPod(0, { phase: "Pending", conditions: [scheduled] });
        const state = {
            waiting: { reason: "ImagePullBackOff", message: "x509: certificate signed by unknown authority" },
        };
        const status = { name: "importer", image: "i", imageID: "", ready: false, restartCount: 0, state };
        await startPod(1, { phase: "Pending", containerStatuses: [status] });
        await server.admin.create({
            ...{ apiVersion: "v1", kind: "Event", metadata: { name: "volume", namespace }, type: "Warning" },
            ...{ reason: "FailedAttachVolume", message: "Multi-Attach error for volume" },
            involvedObject: { kind: "Pod", name: "import-set-shards-1", namespace },
        } as never);
    });
    const failure = runJob(client, jobOf(), SECRETS, wait);
    await expect(failure).rejects.toMatchObject({ code: "REMOTE_IMPORT_FAILED" });
    await expect(failure).rejects.toThrow(
        "no pod of it runs after 10 minutes: 0/1 nodes are available: 1 had untolerated taint; ImagePullBackOff: x509: certificate " +
            "signed by unknown authority; Multi-Attach error for volume",
    );
    expect(wait.waits.some((text) => text.startsWith("waiting for 2 pods of the Job"))).toBe(true);
    expect(await theJob()).toBeUndefined();
});

test("a Job that fails says what its pods said: their own error, or the end of their logs", async () => {
    const error = { line: "error", problem: { code: "ARCHIVE_LOCK_MISMATCH", problem: "it differs", fix: "lock it" } };
    const definite = waiting(async (turn) => {
        if (turn > 0) return;
        await startPod(0, { phase: "Failed" }, line(error));
        await endJob("Failed", { reason: "PodFailurePolicy" });
    });
    expect(await runJob(client, jobOf(), SECRETS, definite)).toMatchObject([
        { error: { code: "ARCHIVE_LOCK_MISMATCH" } },
    ]);
    await server.admin.remove(named("Pod", "import-set-shards-0"));

    const killed = waiting(async (turn) => {
        if (turn > 0) return;
        const state = { terminated: { exitCode: 137, reason: "OOMKilled" } };
        const status = { name: "importer", image: "i", imageID: "", ready: false, restartCount: 0, state };
        await startPod(0, { phase: "Failed", containerStatuses: [status] }, "FATAL ERROR: heap\n");
        await endJob("Failed", {
            reason: "BackoffLimitExceeded",
            message: "Job has reached the specified backoff limit",
        });
    });
    await expect(runJob(client, jobOf(), SECRETS, killed)).rejects.toThrow(
        "it failed: BackoffLimitExceeded: Job has reached the specified backoff limit; OOMKilled (exit code 137)",
    );
    expect(killed.notes).toEqual(["import-set-shards-0 ended early; its log ends with: FATAL ERROR: heap"]);
});
